"""The template children of these tests end with them."""

from collections.abc import Iterator

import pytest

from towpath.golden_paths import rendering


@pytest.fixture(scope="session", autouse=True)
def children() -> Iterator[None]:
    yield
    rendering.close()

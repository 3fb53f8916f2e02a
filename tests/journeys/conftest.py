"""What journeys share: the dependency layers that the first of them built."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of dependency layers, of all workers of this session; test_jail and test_hosts build theirs anew."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "layers"
    folder.mkdir(exist_ok=True)
    return folder

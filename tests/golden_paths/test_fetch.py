"""What a template's address may name: its own repository, or on disk its own folder."""

from contextlib import nullcontext

import pytest

from towpath.golden_paths import fetch
from towpath.golden_paths.actions import fetch_plain, fetch_template
from towpath.kit.errors import Invalid
from towpath.sdk import plugins
from towpath.sdk.hooks import hook
from towpath.sdk.types import SourceFile

HERE = "url:shelf://paths/blob/main/web/template.yaml"
FILES = {"web/skeleton/run.sh": True, "shared/docs/index.md": False, "shared/docs/more/a.md": False}


class Shelf:
    """Files of one repository, as a Git host serves them."""

    scheme = "shelf"

    def read(self, session, target):
        base, path = target.split("/blob/main/")
        below = path.removesuffix("**")
        return [
            SourceFile(f"{base}/blob/main/{one}", one.encode(), executable)
            for one, executable in FILES.items()
            if one.startswith(below)
        ]

    @hook
    def sources(self):
        return [self]


@pytest.fixture(autouse=True)
def shelf(loaded):
    manager = plugins._manager[0]
    manager.register(Shelf(), name="shelf")
    yield
    manager.unregister(name="shelf")


@pytest.mark.parametrize("url", ["../shared/docs", "../shared/docs/", "/shared/docs", "./../shared/./docs"])
def test_a_skeleton_may_lie_anywhere_in_the_template_s_repository(url):
    assert list(fetch.tree(nullcontext, HERE, url)) == ["index.md", "more/a.md"]


@pytest.mark.parametrize(
    "url", ["../../..", "../../../other/blob/main", "/../next", "%2e%2e/%2e%2e/dev", "..\\..\\..\\x"]
)
def test_no_address_leads_out_of_the_repository(url):
    with pytest.raises(Invalid, match="outside the template's repository"):
        fetch.tree(nullcontext, HERE, url)


def test_a_script_of_a_repository_stays_executable():
    (entry,) = fetch.tree(nullcontext, HERE, "./skeleton").values()
    assert entry.mode == 0o755


@pytest.mark.parametrize("action", [fetch_plain, fetch_template], ids=["plain", "template"])
def test_a_token_that_an_expression_made_false_is_tolerated(action):
    assert action.Takes(url="./skeleton", token=False).url == "./skeleton"

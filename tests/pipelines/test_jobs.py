"""The steps of a pipeline begin again on exactly the commit, whatever a crash left."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from towpath.pipelines import act, jobs
from towpath.repositories import git
from towpath.repositories import service as repositories


@pytest.fixture
def pipeline(settings, tmp_path):
    """The data and the context of a pipeline of one commit with one workflow."""
    source = tmp_path / "source"
    (source / ".github/workflows").mkdir(parents=True)
    (source / ".github/workflows/ci.yml").write_text("on: push\n")
    git.init_bare(repositories.folder("r1"), "main")
    commit = git.commit_tree(repositories.folder("r1"), source, "main", "x", ("a", "a@b"))
    data = {
        "repository": "r1", "name": "orders", "commit": commit, "branch": "main", "run": "run", "actor": "ada",
        "secrets": {}, "layers": {},
    }  # fmt: skip
    ctx = SimpleNamespace(
        workspace=tmp_path / "run", log=lambda text: None, database=SimpleNamespace(name="northbank"),
        read=lambda: nullcontext(None), cancelled=lambda: False, check=lambda: None,
    )  # fmt: skip
    ctx.workspace.mkdir()
    return data, ctx


@pytest.mark.parametrize("left", ["work/source/.git/HEAD", "checkout-x/source/.git/HEAD", "work/output/bundle/old.whl"])
def test_a_checkout_that_was_cut_off_begins_anew(pipeline, left):
    data, ctx = pipeline
    half = ctx.workspace / left
    half.parent.mkdir(parents=True)
    half.write_text("ref: refs/heads/main\n")
    assert jobs._checkout(data, ctx) == {"workflows": ["ci.yml"]}
    assert [path.name for path in ctx.workspace.iterdir()] == ["work"]
    assert list((ctx.workspace / "work/output/bundle").iterdir()) == []


def test_a_workflow_that_was_cut_off_begins_on_a_clean_checkout(pipeline, monkeypatch):
    data, ctx = pipeline
    seen = []

    def run(cell, **_):
        seen.append(sorted(path.name for path in (cell.work / "source").iterdir()))
        (cell.work / "source" / "made.txt").write_text("by the first attempt")
        (cell.work / "output/bundle/half.whl").write_text("")
        return act.Outcome(0, timed_out=False, error="")

    monkeypatch.setattr(act, "run", run)
    jobs._checkout(data, ctx)
    jobs._run_act(data, ctx)
    jobs._run_act(data, ctx)
    assert seen == [[".git", ".github"]] * 2
    assert [path.name for path in (ctx.workspace / "work/output/bundle").iterdir()] == ["half.whl"]

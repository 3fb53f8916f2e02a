"""The steps of a pipeline begin again on exactly the commit, whatever a crash left."""

import os
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from towpath.kit.errors import Invalid
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


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_that_is_a_link_is_not_read(pipeline, name, tmp_path):
    """What a lock says wrongly stands in the run's error: a link would show any file of the platform to its author."""
    data, ctx = pipeline
    (tmp_path / "secret").write_text("key of the platform")
    jobs._checkout(data, ctx)
    (ctx.workspace / "work/source" / name).symlink_to(tmp_path / "secret")
    with pytest.raises(Invalid, match=rf"'{name}' is neither a file nor a folder"):
        jobs._locks(ctx)


def test_a_bundle_that_lies_behind_a_link_is_refused(pipeline, tmp_path):
    data, ctx = pipeline
    jobs._checkout(data, ctx)
    output, other = ctx.workspace / "work/output", tmp_path / "of another run"
    output.rename(other)
    output.symlink_to(other)
    with pytest.raises(Invalid, match=r"'output' is neither a file nor a folder"):
        jobs._bundle(data, ctx)


def test_a_pipe_in_a_bundle_is_refused(pipeline):
    data, ctx = pipeline
    jobs._checkout(data, ctx)
    os.mkfifo(ctx.workspace / "work/output/bundle/orders-1.0-py3-none-any.whl")
    with pytest.raises(Invalid, match="is neither a file nor a folder"):
        jobs._bundle(data, ctx)

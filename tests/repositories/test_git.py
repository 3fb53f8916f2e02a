"""Git: exact commits, quick first commits, no way out of a revision."""

import os
import subprocess

import pytest

from towpath.kit import db
from towpath.kit.errors import Conflict, Invalid, NotFound, Unavailable
from towpath.repositories import git, service
from towpath.repositories.actions import Takes, run
from towpath.runs import service as runs
from towpath.sdk.types import Context

AUTHOR = ("Ada", "ada@users.invalid")


@pytest.fixture
def bare(tmp_path):
    folder = tmp_path / "x.git"
    git.init_bare(folder, "main")
    source = tmp_path / "source"
    (source / "docs").mkdir(parents=True)
    (source / "docs" / "a.md").write_text("one")
    (source / "b.txt").write_text("two")
    return folder, source


def test_the_same_files_are_the_same_commit(bare):
    folder, source = bare
    first = git.commit_tree(folder, source, "main", "Start", AUTHOR)
    assert git.commit_tree(folder, source, "main", "Start", AUTHOR) == first
    (source / "b.txt").write_text("changed")
    second = git.commit_tree(folder, source, "main", "Change", AUTHOR)
    assert [one.sha for one in git.log(folder, "main")] == [second, first]


def test_a_checkout_is_exactly_the_commit(bare, tmp_path):
    folder, source = bare
    first = git.commit_tree(folder, source, "main", "Start", AUTHOR)
    (source / "b.txt").write_text("changed")
    git.commit_tree(folder, source, "main", "Change", AUTHOR)
    git.checkout(folder, first, tmp_path / "out", "main")
    assert (tmp_path / "out" / "b.txt").read_text() == "two"


def test_trees_and_files_are_read_without_a_work_tree(bare):
    folder, source = bare
    git.commit_tree(folder, source, "main", "Start", AUTHOR)
    assert [(one.name, one.kind) for one in git.list_tree(folder, "main")] == [("docs", "folder"), ("b.txt", "file")]
    assert git.read_file(folder, "main", "docs/a.md") == b"one"
    with pytest.raises(NotFound):
        git.read_file(folder, "main", "nope")


@pytest.mark.parametrize("revision", ["--upload-pack=x", "", "a b", "main:../x", "x\ny"])
def test_a_revision_is_no_option(bare, revision):
    with pytest.raises(NotFound):
        git.read_file(bare[0], revision, "b.txt")


def test_a_repositorys_own_hook_never_runs(bare, tmp_path):
    folder, source = bare
    hook = folder / "hooks" / "post-update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git.commit_tree(folder, source, "main", "Start", AUTHOR)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(folder), str(clone)], check=True, env=git.environment())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../x", "A", "x.git", "", "a/b", "-x", "x..y"])
def test_a_bad_name_is_refused(organisation, developer, name):
    with pytest.raises(Invalid), db.write(organisation) as session:
        service.create(session, developer, name)


def context(organisation, actor, workspace, key="k"):
    return Context(actor, key, workspace, organisation, lambda text: None, lambda: False)


def test_publishing_twice_with_one_key_is_one_repository_and_one_commit(organisation, developer, bare):
    runs.launch_with(None)
    ctx = context(organisation, developer, bare[1])
    first, second = run(Takes(name="orders"), ctx), run(Takes(name="orders"), ctx)
    assert first == second
    with pytest.raises(Conflict):
        run(Takes(name="orders"), context(organisation, developer, bare[1], "other"))


def test_a_recorded_branch_is_an_event_once(organisation, developer, bare):
    made = run(Takes(name="orders"), context(organisation, developer, bare[1]))
    assert service.record_refs(organisation, developer, made.repositoryId) == []
    (bare[1] / "b.txt").write_text("pushed while nobody looked")
    commit = git.commit_tree(service.folder(made.repositoryId), bare[1], "main", "Push", AUTHOR)
    changes = service.record_refs(organisation, developer, made.repositoryId)
    assert changes == [{"branch": "main", "commit": commit, "before": made.commitHash}]


def test_a_workspace_cannot_publish_what_lies_beside_it(organisation, developer, bare):
    with pytest.raises(Invalid):
        run(Takes(name="orders", sourcePath="../.."), context(organisation, developer, bare[1]))


def test_a_script_is_told_from_other_files(bare):
    folder, source = bare
    (source / "b.txt").chmod(0o755)
    git.commit_tree(folder, source, "main", "Start", AUTHOR)
    found = {one.path: one.executable for one in git.list_tree(folder, "main", recursive=True)}
    assert found == {"b.txt": True, "docs/a.md": False}


@pytest.mark.parametrize("branch", ["subject", "session", "details"])
def test_a_branch_may_be_called_anything(organisation, developer, bare, branch):
    with db.write(organisation) as session:
        made = service.create(session, developer, "orders", key="run:step")
    folder = service.folder(made.uid)
    git.init_bare(folder, "main")
    git.commit_tree(folder, bare[1], branch, "Start", AUTHOR)
    assert [one["branch"] for one in service.record_refs(organisation, developer, made.uid)] == [branch]


def test_what_killed_calls_left_goes_after_a_day_and_what_is_new_stays(bare, tmp_path):
    folder, _ = bare
    old, new, half = folder / "index-1-2", folder / "index-3-4", tmp_path / ".x.git.new"
    half.mkdir()
    for one in (old, new):
        one.touch()
    for one in (old, half):
        os.utime(one, (1, 1))
    git.remove_left(folder.parent)
    assert [one.exists() for one in (old, new, half, folder / "HEAD")] == [False, True, False, True]


def test_a_checkout_reads_no_option_in_a_commit(bare, tmp_path):
    folder, source = bare
    git.commit_tree(folder, source, "main", "Start", AUTHOR)
    with pytest.raises(Unavailable):
        git.checkout(folder, f"--upload-pack=touch {tmp_path}/ran; false", tmp_path / "out", "main")
    assert not (tmp_path / "ran").exists()


def test_a_replaced_commit_keeps_its_own_files(bare):
    """Who pushes refs/replace could give an approved commit another score.yaml."""
    folder, source = bare
    first = git.commit_tree(folder, source, "main", "Start", AUTHOR)
    (source / "b.txt").write_text("changed")
    second = git.commit_tree(folder, source, "main", "Change", AUTHOR)
    git.run(folder, "update-ref", f"refs/replace/{first}", second)
    assert git.read_file(folder, first, "b.txt") == b"two"


@pytest.mark.parametrize(("ref", "taken"), [("refs/heads/x", True), ("refs/tags/v1", True), ("refs/replace/x", False)])
def test_a_push_brings_branches_and_tags_only(bare, ref, taken, tmp_path):
    folder, source = bare
    commit = git.commit_tree(folder, source, "main", "Start", AUTHOR)
    target = tmp_path / "target.git"
    git.init_bare(target, "main")
    settings = " ".join(f"-c {one}" for one in git.PUSHED)
    push = ["git", "push", f"--receive-pack=git {settings} receive-pack", str(target), f"{commit}:{ref}"]
    done = subprocess.run(push, cwd=folder, env=git.environment(), capture_output=True, check=False)
    assert (done.returncode == 0) is taken, done.stderr


@pytest.mark.parametrize("word", ["one\u2028two", "one\x1ftwo", "one\x0btwo", "one\x85two"])
def test_a_commit_may_say_anything(bare, word):
    folder, source = bare
    git.commit_tree(folder, source, "main", word, (word, "ada@users.invalid"))
    (source / "b.txt").write_text("changed")
    git.commit_tree(folder, source, "main", "Change", AUTHOR)
    assert [one.message for one in git.log(folder, "main")] == ["Change", word]


def test_a_commit_of_the_far_future_is_shown(bare):
    folder, _ = bare
    text = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 999999999999 +0000\n\nx"
    git.run(folder, "hash-object", "-w", "-t", "tree", "--stdin", stdin=b"")
    commit = git.run(folder, "hash-object", "-w", "-t", "commit", "--stdin", stdin=text).decode().strip()
    assert [one.at.year for one in git.log(folder, commit)] == [9999]


def test_refs_with_odd_names_do_not_hide_the_others(bare):
    folder, source = bare
    commit = git.commit_tree(folder, source, "main", "Start", AUTHOR)
    git.run(folder, "update-ref", "refs/heads/a\u2028b", commit)
    packed = folder / "packed-refs"
    packed.write_bytes(b"# pack-refs with: peeled fully-peeled sorted \n" + commit.encode() + b" refs/heads/\xff\n")
    assert git.refs(folder) == {"refs/heads/main": commit, "refs/heads/a\u2028b": commit}


def test_a_path_with_nul_names_nothing(bare):
    folder, source = bare
    git.commit_tree(folder, source, "main", "Start", AUTHOR)
    assert git.log(folder, "main", path="a\0b") == []
    with pytest.raises(NotFound):
        git.list_tree(folder, "main", "a\0b")

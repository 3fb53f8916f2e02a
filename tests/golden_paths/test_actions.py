"""Each action in a workspace: once for real, once dry, once trying to leave."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.golden_paths import confine
from towpath.golden_paths.actions import (
    catalog_write,
    debug_log,
    debug_wait,
    fetch_plain,
    fetch_template,
    fs_delete,
    fs_rename,
)
from towpath.golden_paths.context import TaskContext
from towpath.kit.actor import Actor, Role
from towpath.kit.db import DatabaseRef
from towpath.kit.errors import Conflict, Invalid, NotFound, TowpathError
from towpath.sdk.types import Cancelled

Make = Callable[..., TaskContext]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def context(tmp_path: Path, lines: list[str]) -> Make:
    template = tmp_path / "template" / "template.yaml"
    template.parent.mkdir()
    template.touch()
    (tmp_path / "workspace").mkdir()

    def make(*, dry_run: bool = False, cancelled: bool = False) -> TaskContext:
        return TaskContext(
            actor=Actor("user:default/ada", "demo", Role.developer),
            key="run:step",
            workspace=tmp_path / "workspace",
            database=DatabaseRef("demo", "sqlite://"),
            log=lines.append,
            cancelled=lambda: cancelled,
            dry_run=dry_run,
            template_ref="template:default/web",
            template_source=f"file:{template}",
        )

    return make


def skeleton(context: TaskContext) -> Path:
    folder = Path(context.template_source.removeprefix("file:")).parent / "skeleton"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("dry_run", [False, True])
def test_fetch_plain_keeps_bytes_modes_links_dotfiles_and_names(context: Make, dry_run: bool) -> None:
    ctx = context(dry_run=dry_run)
    source = skeleton(ctx)
    (source / "bin").mkdir()
    (source / "bin" / "run.sh").write_text("#!/bin/sh\n")
    (source / "bin" / "run.sh").chmod(0o755)
    (source / ".dot").write_bytes(b"\x00\xff")
    (source / "größe.md").write_text("ü")
    (source / "latest").symlink_to("bin/run.sh")
    for _ in range(2):  # a repeated step ends the same
        fetch_plain.run(fetch_plain.Takes(url="./skeleton", targetPath="out"), ctx)
    out = ctx.workspace / "out"
    assert os.access(out / "bin" / "run.sh", os.X_OK)
    assert (out / ".dot").read_bytes() == b"\x00\xff"
    assert (out / "größe.md").read_text() == "ü"
    assert (out / "latest").readlink() == Path("bin/run.sh")


@pytest.mark.parametrize(
    "url", ["../other", "/etc", "./skeleton/../../x", "%2e%2e/x", "file:///etc", "http://example.com/x", "./escape"]
)
def test_fetch_plain_reads_nothing_outside_the_template(context: Make, url: str, tmp_path: Path) -> None:
    ctx = context()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret").write_text("s")
    (skeleton(ctx).parent / "escape").symlink_to(tmp_path / "other")
    with pytest.raises(TowpathError):
        fetch_plain.run(fetch_plain.Takes(url=url), ctx)
    assert not list(ctx.workspace.iterdir())


@pytest.mark.parametrize("target", ["..", "../x", "a/../../x", "away/x", ".git/hooks", "a/.GIT"])
def test_fetch_plain_writes_nothing_outside_the_workspace(context: Make, target: str, tmp_path: Path) -> None:
    ctx = context()
    (skeleton(ctx) / "f").write_text("x")
    (ctx.workspace / "away").symlink_to(tmp_path)
    with pytest.raises(Invalid):
        fetch_plain.run(fetch_plain.Takes(url="./skeleton", targetPath=target), ctx)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x"])
def test_a_link_out_of_the_workspace_is_not_copied(context: Make, target: str) -> None:
    ctx = context()
    (skeleton(ctx) / "link").symlink_to(target)
    with pytest.raises(Invalid):
        fetch_plain.run(fetch_plain.Takes(url="./skeleton"), ctx)


@pytest.mark.parametrize("dry_run", [False, True])
def test_fetch_template_renders_names_and_texts_and_keeps_what_is_there(context: Make, dry_run: bool) -> None:
    ctx = context(dry_run=dry_run)
    source = skeleton(ctx)
    (source / "${{ values.name }}.md").write_text("# ${{ values.name }}")
    (source / "raw.yml").write_text("${{ github.sha }}")
    (source / "bin").write_bytes(b"\x00${{ values.name }}")
    confine.put(ctx.workspace, "kept.md", b"mine")
    (source / "kept.md").write_text("theirs")
    takes = {"url": "./skeleton", "values": {"name": "größe"}, "copyWithoutTemplating": ["*.yml"]}
    for _ in range(2):  # a repeated step ends the same
        fetch_template.run(fetch_template.Takes.model_validate(takes), ctx)
    made = {path: (ctx.workspace / path).read_bytes() for path, _ in confine.walk(ctx.workspace)}
    assert made == {
        "größe.md": "# größe".encode(),
        "raw.yml": b"${{ github.sha }}",
        "bin": b"\x00${{ values.name }}",
        "kept.md": b"mine",
    }
    fetch_template.run(fetch_template.Takes.model_validate({**takes, "replace": True}), ctx)
    assert (ctx.workspace / "kept.md").read_text() == "theirs"


def test_fetch_template_with_an_extension_renders_only_those_and_drops_it(context: Make) -> None:
    ctx = context()
    (skeleton(ctx) / "a.txt.njk").write_text("${{ values.x }}")
    (skeleton(ctx) / "b.txt").write_text("${{ values.x }}")
    takes = fetch_template.Takes(url="./skeleton", values={"x": 1}, templateFileExtension=True)
    fetch_template.run(takes, ctx)
    assert (ctx.workspace / "a.txt").read_text() == "1"
    assert (ctx.workspace / "b.txt").read_text() == "${{ values.x }}"


@pytest.mark.parametrize("name", ["../x", "a/../../x", ".git/hooks", ".."])
def test_a_name_that_renders_out_of_the_workspace_is_refused(context: Make, name: str, tmp_path: Path) -> None:
    ctx = context()
    (skeleton(ctx) / "${{ values.name }}").write_text("x")
    with pytest.raises(Invalid):
        fetch_template.run(fetch_template.Takes(url="./skeleton", values={"name": name}), ctx)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("dry_run", [False, True])
def test_fs_delete_takes_globs_folders_and_links_but_not_what_links_name(context: Make, dry_run: bool) -> None:
    ctx = context(dry_run=dry_run)
    for path in ("docs/a.md", "docs/deep/b.md", "src/x.tmp", "src/.hidden.tmp", "keep.md"):
        confine.put(ctx.workspace, path, b"")
    (ctx.workspace / "link").symlink_to("src")
    for _ in range(2):
        fs_delete.run(fs_delete.Takes(files=["docs/", "**/*.tmp", "link"]), ctx)
    assert [path for path, _ in confine.walk(ctx.workspace)] == ["keep.md", "src"]


def test_fs_delete_stays_inside(context: Make, tmp_path: Path) -> None:
    ctx = context()
    (ctx.workspace / "away").symlink_to(tmp_path / "template")
    with pytest.raises(Invalid):
        fs_delete.run(fs_delete.Takes(files=["../template/*"]), ctx)
    fs_delete.run(fs_delete.Takes(files=["away/**"]), ctx)
    assert (tmp_path / "template" / "template.yaml").exists()


@pytest.mark.parametrize("dry_run", [False, True])
def test_fs_rename_moves_once_and_repeats_without_harm(context: Make, dry_run: bool) -> None:
    ctx = context(dry_run=dry_run)
    confine.put(ctx.workspace, "a/one", b"1")
    takes = fs_rename.Takes.model_validate({"files": [{"from": "a", "to": "b/c"}]})
    for _ in range(2):
        fs_rename.run(takes, ctx)
    assert (ctx.workspace / "b" / "c" / "one").read_bytes() == b"1"
    assert not (ctx.workspace / "a").exists()


@pytest.mark.parametrize("done", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("pairs", "ends"),
    [
        pytest.param(["a:p", "p:q", "q:r"], {"r/x": b"a", "b": b"b"}, id="one thing on and on"),
        pytest.param(["b:c", "a:b"], {"c": b"b", "b/x": b"a"}, id="each one place on"),
        pytest.param(["a:d", "d/x:y"], {"y": b"a", "b": b"b"}, id="out of a folder that moved"),
    ],
)
def test_fs_rename_goes_on_with_a_chain_from_where_it_was_cut_off(
    context: Make, pairs: list[str], ends: dict[str, bytes], done: int
) -> None:
    ctx = context()
    confine.put(ctx.workspace, "a/x", b"a")
    confine.put(ctx.workspace, "b", b"b")
    moves = [dict(zip(("from", "to"), pair.split(":"), strict=True)) for pair in pairs]
    for some in (moves[:done], moves, moves):
        fs_rename.run(fs_rename.Takes.model_validate({"files": some}), ctx)
    found = {path: Path(one.path).read_bytes() for path, one in confine.walk(ctx.workspace) if one.is_file()}
    assert found == ends


def test_fs_rename_overwrites_only_when_told(context: Make) -> None:
    ctx = context()
    confine.put(ctx.workspace, "new", b"new")
    confine.put(ctx.workspace, "old", b"old")
    with pytest.raises(Conflict):
        fs_rename.run(fs_rename.Takes.model_validate({"files": [{"from": "new", "to": "old"}]}), ctx)
    fs_rename.run(fs_rename.Takes.model_validate({"files": [{"from": "new", "to": "old", "overwrite": True}]}), ctx)
    assert (ctx.workspace / "old").read_bytes() == b"new"
    with pytest.raises(NotFound):
        fs_rename.run(fs_rename.Takes.model_validate({"files": [{"from": "gone", "to": "x"}]}), ctx)


@pytest.mark.parametrize(("source", "to"), [("f", "../f"), ("../template", "t"), ("f", ".git/config"), (".", "x")])
def test_fs_rename_stays_inside(context: Make, source: str, to: str) -> None:
    ctx = context()
    confine.put(ctx.workspace, "f", b"")
    with pytest.raises(Invalid):
        fs_rename.run(fs_rename.Takes.model_validate({"files": [{"from": source, "to": to}]}), ctx)


@pytest.mark.parametrize("dry_run", [False, True])
def test_catalog_write_adds_the_template_and_keeps_order(context: Make, dry_run: bool) -> None:
    ctx = context(dry_run=dry_run)
    entity = {
        "kind": "Component",
        "metadata": {"name": "orders", "annotations": {"a": "on"}},
        "spec": {"type": "service"},
    }
    catalog_write.run(catalog_write.Takes(entity=entity), ctx)
    text = (ctx.workspace / "catalog-info.yaml").read_text()
    assert text.startswith("kind: Component\nmetadata:\n  name: orders\n")
    assert "backstage.io/source-template: template:default/web" in text
    with pytest.raises(Invalid):
        catalog_write.run(catalog_write.Takes(entity=entity, filePath="../x.yaml"), ctx)


def test_debug_log_lists_files_and_does_not_follow_links(context: Make, lines: list[str], tmp_path: Path) -> None:
    ctx = context(dry_run=True)
    confine.put(ctx.workspace, "a.txt", b"hello")
    (ctx.workspace / "away").symlink_to(tmp_path / "template" / "template.yaml")
    debug_log.run(debug_log.Takes(message="hi", listWorkspace="with-contents"), ctx)
    assert lines == ["hi", "Workspace:\n  - a.txt", "a.txt:\nhello"]


def test_debug_wait_stops_when_cancelled_and_refuses_hours(context: Make) -> None:
    with pytest.raises(Cancelled):
        debug_wait.run(debug_wait.Takes(minutes=5), context(cancelled=True))
    with pytest.raises(Invalid):
        debug_wait.run(debug_wait.Takes(minutes=9, seconds=61), context())
    waiter = threading.Thread(target=debug_wait.run, args=(debug_wait.Takes(minutes=5), context(dry_run=True)))
    waiter.start()
    waiter.join(2)
    assert not waiter.is_alive()


@given(
    st.lists(
        st.sampled_from(["..", ".", "a", "b", "up", "in", ".git", ".GIT", "x\0", "ü", "\\", "\ud800", ""]), max_size=7
    ).map("/".join)
    | st.text(max_size=40)
)
def test_no_path_leads_out_of_the_workspace(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    base = tmp_path_factory.getbasetemp() / "confine"
    root = base / "workspace"
    if not root.exists():
        (root / "a" / "b").mkdir(parents=True)
        (root / "up").symlink_to("..")
        (root / "in").symlink_to("a/b")
    for find in (confine.inside, confine.entry):
        try:
            place = find(root, path)
        except Invalid:
            continue
        parent = Path(os.path.realpath(place.parent if find is confine.entry else place))
        assert parent.is_relative_to(root.resolve())
        assert ".git" not in [part.lower() for part in place.relative_to(root.resolve()).parts]


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        (".github/workflows/", ".github/workflows/ci.yaml", True),
        (".github/workflows/*", ".github/workflows/ci.yaml", True),
        ("**/*.html", "a/b/c.html", True),
        ("./**/*.html", "c.html", True),
        ("*.html", "a/c.html", False),
        ("src/*.{js,ts}", "src/a.ts", True),
        ("src/*.{js,ts}", "src/a.py", False),
        ("[!a]*", "b", True),
        ("[z-a]", "[z-a]", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
    ],
)
def test_globs_name_what_templates_mean(pattern: str, path: str, expected: bool) -> None:
    assert confine.matches(path, [pattern]) is expected

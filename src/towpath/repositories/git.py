"""Git itself, as a pure adapter: every call names its folder, runs in a clean environment, and never inside a transaction."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from towpath.kit import db
from towpath.kit.errors import NotFound, Unavailable

HOOKS = Path(__file__).parent / "hooks"  # empty: a repository's own hooks never run here
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a pushed refs/replace would give an approved commit other files
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
}
SETTINGS = (
    "-c",
    f"core.hooksPath={HOOKS}",
    "-c",
    "safe.directory=*",
    "-c",
    "gc.auto=0",
    "-c",
    "protocol.ext.allow=never",
)
PUSHED = ("receive.hideRefs=refs/", "receive.hideRefs=!refs/heads/", "receive.hideRefs=!refs/tags/")
"""Nothing but branches and tags is taken from a push: the other refs are Git's own or nobody's."""
LATEST = 253_402_300_799  # the last second of the year 9999


@dataclass(frozen=True)
class Commit:
    """One commit: `sha`, first line of its message, author's name, and when."""

    sha: str
    message: str
    author: str
    at: datetime


@dataclass(frozen=True)
class Item:
    """One entry of a folder: `kind` is file or folder, `size` in bytes for files."""

    name: str
    path: str
    kind: str
    size: int | None
    executable: bool = False


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a git process."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), **ENVIRONMENT, **(extra or {})}


def run(folder: Path, *arguments: str, stdin: bytes | None = None, extra: Mapping[str, str] | None = None) -> bytes:
    """Run one git command in a folder and return its output; raises Unavailable with git's own words."""
    db.refuse_transaction()
    command = ["git", *SETTINGS, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, env=environment(extra), check=False, timeout=120
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"git {arguments[0]} did not work: {error}", hint="run 'towpath doctor'") from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise Unavailable(f"git {arguments[0]} failed: {words}", hint="look at the repository, then retry")
    return done.stdout


def init_bare(folder: Path, branch: str) -> None:
    """Make an empty bare repository (0700) that takes pushes over HTTP, whole or not at all; an existing one stays as it is."""
    if (folder / "HEAD").exists():
        return
    made = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True, mode=0o700)
    run(made, "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}")
    with (made / "config").open("a") as config:
        config.write("[http]\n\treceivepack = true\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n")
        config.write("[receive]\n\tfsckObjects = true\n\tdenyDeleteCurrent = refuse\n")
    made.rename(folder)


def commit_tree(bare: Path, source: Path, branch: str, message: str, author: tuple[str, str]) -> str:
    """Commit all files of a folder as the branch's next commit, without a work tree of its own. Returns the commit.

    The same files as the branch's head give that commit again: a repeated step commits nothing twice.
    """
    index = bare / f"index-{os.getpid()}-{id(source)}"
    extra = {"GIT_INDEX_FILE": str(index), "GIT_DIR": str(bare), "GIT_WORK_TREE": str(source)}
    try:
        run(source, "add", "--all", "--force", ".", extra=extra)
        tree = run(source, "write-tree", extra=extra).decode().strip()
    finally:
        index.unlink(missing_ok=True)
    parent = refs(bare).get(f"refs/heads/{branch}")
    if parent and run(bare, "rev-parse", f"{parent}^{{tree}}").decode().strip() == tree:
        return parent
    people = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in zip(("NAME", "EMAIL"), author, strict=True)
    }
    parents = ["-p", parent] if parent else []
    commit = run(bare, "commit-tree", tree, *parents, "-m", message, extra=people).decode().strip()
    run(bare, "update-ref", f"refs/heads/{branch}", commit, parent or "")
    return commit


def remove_left(root: Path, older_than_s: float = 86_400) -> None:
    """Remove what killed calls left in a folder of bare repositories: half made ones, and indexes of commits."""
    for left in (*root.glob(".*.new"), *root.glob("*.git/index-*")):
        if time.time() - left.lstat().st_mtime > older_than_s:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def refs(bare: Path) -> dict[str, str]:
    """Branches and tags with their commits, without those whose name is no UTF-8: no address could say it."""
    found = run(bare, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
    pairs = (line.partition(" ") for line in found.decode(errors="replace").split("\n") if line)
    return {name: sha for name, _, sha in pairs if "\ufffd" not in name}


def checkout(bare: Path, commit: str, target: Path, branch: str) -> None:
    """Put exactly one commit into an empty folder, on a branch of that name, with its own small repository."""
    target.mkdir(parents=True, exist_ok=True)
    run(target, "init", "--quiet", f"--initial-branch={branch}")
    run(target, "fetch", "--quiet", "--depth=1", "--", str(bare), commit)
    run(target, "checkout", "--quiet", "-B", branch, "FETCH_HEAD")


def read_file(bare: Path, revision: str, path: str) -> bytes:
    """One file at a revision; raises NotFound."""
    try:
        return run(bare, "cat-file", "blob", _place(revision, path))
    except Unavailable as error:
        raise NotFound(f"there is no file '{path}' at '{revision}'") from error


def size_of(bare: Path, revision: str, path: str) -> int:
    """Bytes of one file at a revision; raises NotFound."""
    try:
        return int(run(bare, "cat-file", "-s", f"{_safe(revision)}:{path.strip('/')}"))
    except Unavailable as error:
        raise NotFound(f"there is no file '{path}' at '{revision}'") from error


def list_tree(bare: Path, revision: str, path: str = "", *, recursive: bool = False) -> list[Item]:
    """A folder's entries, folders first; raises NotFound for an unknown revision or path."""
    options = ["-r"] if recursive else []
    where = _place(revision, path)
    try:
        lines = run(bare, "ls-tree", "--long", "-z", *options, where).decode(errors="replace").split("\0")
    except Unavailable as error:
        raise NotFound(f"there is no '{path or '/'}' at '{revision}'") from error
    items = []
    for line in filter(None, lines):
        head, _, name = line.partition("\t")
        mode, kind, _, size = head.split()
        full = f"{path.strip('/')}/{name}".lstrip("/")
        what = "folder" if kind == "tree" else "file"
        items.append(Item(name, full, what, int(size) if size.isdigit() else None, mode == "100755"))
    return sorted(items, key=lambda item: (item.kind == "file", item.name.lower()))


def log(bare: Path, revision: str, limit: int = 50, path: str = "") -> list[Commit]:
    """The newest commits of a revision; empty when it does not exist."""
    form = "--format=%H%x00%s%x00%an%x00%ct%x00"
    if "\0" in path:
        return []
    try:
        found = run(bare, "log", form, f"--max-count={limit}", _safe(revision), "--", *([path] if path else []))
    except Unavailable:
        return []
    words = [word.removeprefix("\n") for word in found.decode(errors="replace").split("\0")[:-1]]
    return [Commit(*words[at : at + 3], _moment(words[at + 3])) for at in range(0, len(words), 4)]


def _moment(seconds: str) -> datetime:
    """A commit's time; one that no calendar holds is the last that does."""
    return datetime.fromtimestamp(min(int(seconds), LATEST), UTC)


def _place(revision: str, path: str) -> str:
    if "\0" in path:
        raise NotFound(f"{path!r} names no file", hint="file names hold no NUL")
    return f"{_safe(revision)}:{path.strip('/')}"


def _safe(revision: str) -> str:
    if not revision or revision.startswith("-") or any(char in revision for char in " :\n\0"):
        raise NotFound(f"'{revision}' names no revision")
    return revision


def http_backend(project_root: Path) -> tuple[Sequence[str], dict[str, str]]:
    """Command and environment of git's own smart HTTP backend for repositories below a folder."""
    counted = (*SETTINGS[1::2], *PUSHED)
    config = {"GIT_CONFIG_COUNT": str(len(counted))}
    for number, setting in enumerate(counted):
        key, _, value = setting.partition("=")
        config[f"GIT_CONFIG_KEY_{number}"], config[f"GIT_CONFIG_VALUE_{number}"] = key, value
    extra = {"GIT_PROJECT_ROOT": str(project_root), "GIT_HTTP_EXPORT_ALL": "1", **config}
    return ["git", "http-backend"], environment(extra)

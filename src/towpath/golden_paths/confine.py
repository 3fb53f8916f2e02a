"""Where a template may read and write: inside its workspace, links followed, and never into `.git`.

A workspace is written only by our own actions, one after the other, so a path checked here cannot change before its use.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from towpath.kit.errors import Invalid


def inside(root: Path, path: str, field: str = "path") -> Path:
    """The absolute place of `path` below `root`, links followed; raises Invalid when it leads anywhere else."""
    _readable(path, field)
    base = Path(os.path.realpath(root))
    place = Path(os.path.realpath(base / path.lstrip("/")))
    if not place.is_relative_to(base):
        raise Invalid(f"{field}: '{path}' leads outside the workspace", hint="name a path below the workspace")
    if any(part.lower() == ".git" for part in place.relative_to(base).parts):
        raise Invalid(f"{field}: '{path}' is Git's own folder", hint="templates write files, Git keeps them")
    return place


def entry(root: Path, path: str, field: str = "path") -> Path:
    """Like `inside`, but a link at the very end is not followed: the place of the entry itself, to move or remove it."""
    parent, _, name = path.rstrip("/").rpartition("/")
    if name in ("", ".", ".."):
        raise Invalid(f"{field}: '{path}' names no entry of the workspace", hint="name a file or folder in it")
    if name.lower() == ".git":
        raise Invalid(f"{field}: '{path}' is Git's own folder", hint="templates write files, Git keeps them")
    _readable(path, field)
    return inside(root, parent, field) / name


def _readable(path: str, field: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Invalid(f"{field}: {path!r} is not text", hint="use characters that UTF-8 can hold") from None
    if "\0" in path or "\\" in path:
        raise Invalid(f"{field}: {path!r} is not a path of this workspace", hint="use '/' between names")


def put(root: Path, path: str, data: bytes, mode: int = 0o644) -> None:
    """Write one file so that it is there whole or not at all: a repeated step never meets half of it."""
    place = inside(root, path)
    part = root.parent / f".{root.name}.part"
    part.write_bytes(data)
    part.chmod(mode)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Invalid(
            f"'{path}' cannot be written: {error.strerror}", hint="another file or folder has its name"
        ) from error


def link(root: Path, path: str, target: str) -> None:
    """Make a symbolic link that stays inside the workspace; raises Invalid for any other."""
    place = entry(root, path)
    relative = place.parent.relative_to(os.path.realpath(root))
    if target.startswith("/"):
        raise Invalid(f"link '{path}' points to '{target}', outside the workspace", hint="use a relative link")
    inside(root, str(relative / target), f"link '{path}'")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files, links and folders below `root` in order of name, links not followed, without `.git`; parents first."""
    yield from _walk(root, "")


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda one: one.name)
    for one in entries:
        if one.name.lower() == ".git":
            continue
        yield prefix + one.name, one
        if one.is_dir(follow_symlinks=False):
            yield from _walk(Path(one.path), f"{prefix}{one.name}/")


@lru_cache(maxsize=512)
def glob(pattern: str) -> re.Pattern[str]:
    """A glob as templates write it: `*`, `?`, `**`, `[abc]`, `{a,b}`; dotfiles match; a folder matches all below it."""
    clean = pattern.removeprefix("./").strip("/")
    text, at, depth = "", 0, 0
    while at < len(clean):
        char = clean[at]
        if clean.startswith("**/", at):
            text, at = text + "(?:[^/]+/)*", at + 3
            continue
        if clean.startswith("**", at):
            text, at = text + ".*", at + 2
            continue
        if char == "[" and (end := clean.find("]", at + 2)) > 0:
            inner = clean[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            text, at = text + f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]", end + 1
            continue
        depth += (char == "{") - (char == "}" and depth > 0)
        text += {"*": "[^/]*", "?": "[^/]", "{": "(?:"}.get(char) or (
            ")" if char == "}" else "|" if char == "," and depth else re.escape(char)
        )
        at += 1
    try:
        return re.compile(f"{text}{')' * depth}(?:/.*)?", re.DOTALL)
    except re.error:
        return re.compile(re.escape(clean))


def matches(path: str, patterns: list[str]) -> bool:
    """Whether any pattern names the path or a folder above it."""
    return any(glob(pattern).fullmatch(path) for pattern in patterns)

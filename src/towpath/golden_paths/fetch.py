"""Trees that templates name by address: relative to the template, inside its repository, or on disk below its folder.

A tree is read into memory whole: a skeleton is small, and one read gives one snapshot.
"""

import os
import re
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from towpath.kit.db import Session
from towpath.kit.errors import Invalid, NotFound
from towpath.sdk import plugins
from towpath.sdk.types import SourceFile

REPOSITORY = re.compile(r"//.*?/(?:-/)?(?:blob|tree|raw|src/branch)/[^/]+/")
LIMIT_BYTES = 256_000_000
Sessions = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class Entry:
    """One file of a tree: `data` with its `mode`, or the `link` a symbolic link holds."""

    data: bytes
    mode: int = 0o644
    link: str | None = None


def tree(read: Sessions, base: str, url: str) -> dict[str, Entry]:
    """All files below `url`, by path relative to it, in order; a file's address gives that one file under its name.

    `base` is the template's location. Raises Invalid outside its repository or folder, NotFound when nothing is there.
    """
    scheme, address = _resolve(base, url)
    found = _from_folder(base, address) if scheme == "file" else _from_source(read, scheme, address)
    if not found:
        raise NotFound(f"'{url}' holds no file", hint=f"addresses are relative to {_plain(base)}")
    if sum(len(one.data) for one in found.values()) > LIMIT_BYTES:
        raise Invalid(f"'{url}' is larger than {LIMIT_BYTES // 1_000_000} MB", hint="fetch a smaller folder")
    return dict(sorted(found.items()))


def _plain(location: str) -> str:
    return location.removeprefix("url:")


def _resolve(base: str, url: str) -> tuple[str, str]:
    """Scheme and address of `url` seen from `base`; what is relative stays in the template's folder or its repository."""
    place = _plain(base)
    scheme, _, rest = place.partition(":")
    if "://" in url:
        absolute = url.partition("://")[0]
        folder = place.rpartition("/")[0] + "/"
        if ".." in unquote(url).split("/"):
            raise Invalid(f"'{url}' hides '..' in an address", hint="write the address out")
        if absolute in ("file", "http", "https") and not url.startswith(folder):
            raise Invalid(f"'{url}' is not reachable from a template", hint="keep the skeleton with the template")
        return absolute, url.removeprefix("file://") if absolute == "file" else url
    if not rest:
        raise Invalid(f"'{url}' is relative, and the template has no location", hint="register the template")
    return scheme, _relative(scheme, rest, url)


def _relative(scheme: str, rest: str, url: str) -> str:
    folder, path = os.path.normpath(rest.rpartition("/")[0]), unquote(url).replace("\\", "/")
    repository = REPOSITORY.match(f"{folder}/") if scheme != "file" else None
    home = repository[0].rstrip("/") if repository else folder
    where = os.path.normpath(f"{home if path.startswith('/') else folder}/{path}")
    if not f"{where}/".startswith(f"{home}/") or (path.startswith("/") and not repository):
        home_name = "repository" if repository else "folder"
        raise Invalid(f"'{url}' leads outside the template's {home_name}", hint="keep the skeleton with the template")
    return where if scheme == "file" else f"{scheme}:{where}"


def _from_folder(base: str, address: str) -> dict[str, Entry]:
    home = Path(os.path.realpath(Path(_plain(base).removeprefix("file:").removeprefix("//")).parent))
    place = Path(os.path.realpath(address))
    if not place.is_relative_to(home):
        raise Invalid(f"'{address}' leads outside the template's folder", hint="keep the skeleton with the template")
    if place.is_file():
        return {place.name: _entry(place)}
    found: dict[str, Entry] = {}
    size = 0
    for folder, folders, files in os.walk(place):
        folders[:] = sorted(name for name in folders if name.lower() != ".git")
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted((*files, *links)):
            path = Path(folder, name)
            found[path.relative_to(place).as_posix()] = one = _entry(path)
            size += len(one.data)
            if size > LIMIT_BYTES:
                return found
    return found


def _entry(path: Path) -> Entry:
    if path.is_symlink():
        return Entry(b"", link=str(path.readlink()))
    mode = stat.S_IMODE(path.stat().st_mode)
    return Entry(path.read_bytes(), 0o755 if mode & 0o111 else 0o644)


def _from_source(read: Sessions, scheme: str, address: str) -> dict[str, Entry]:
    source = next((one for one in plugins.collect(plugins.call().sources()) if one.scheme == scheme), None)
    if source is None:
        raise Invalid(f"no source reads '{scheme}://' addresses", hint="install a plugin that does")
    try:
        with read() as session:
            files: list[SourceFile] = source.read(session, f"{address}/**")
    except (NotFound, Invalid):  # no folder of that name, or a source that cannot list one: then it is a file
        files = []
    if not files:
        with read() as session:
            files = source.read(session, address)
    return {_below(address, one.url): Entry(one.data, 0o755 if one.executable else 0o644) for one in files}


def _below(address: str, url: str) -> str:
    plain = _plain(url)
    return plain.removeprefix(f"{address}/") if plain.startswith(f"{address}/") else plain.rpartition("/")[2]

"""One file that holds an install, and the install it becomes again.

A tar of `backup.json`, the databases as of one moment, what each capability keeps outside them (hook `backup_parts`), and
last the digests of all: a file without them was cut off. Files are copied after the databases, so that whatever a record
names is there. Processes, logs of services and caches are left out: they are made again.
"""

import errno
import fnmatch
import hashlib
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Generator, Iterator
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Any

from towpath.audit import service as audit
from towpath.deployments import service as deployments
from towpath.kit import clock, db, migrate, snapshot
from towpath.kit.actor import platform
from towpath.kit.errors import Conflict, Invalid, Unavailable
from towpath.kit.settings import current
from towpath.organisations import service as organisations
from towpath.sdk import plugins
from towpath.sdk.backup import BackupPart

FORMAT = 1
HEAD, DIGESTS = "backup.json", "digests.json"
Progress = Generator[str, None, str]
_making = threading.Lock()


def parts() -> list[BackupPart]:
    """What capabilities keep outside the databases, in the order of their names."""
    return sorted(plugins.collect(plugins.call().backup_parts()), key=lambda one: one.name)


# ── save ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def save(path: Path) -> Progress:
    """Write the install to a new file (0600), whole or not at all; says each part, returns what it made.

    Raises Conflict when the file exists, Unavailable when the disk is full or a part cannot be read.
    """
    if path.exists():
        raise Conflict(f"'{path}' exists", hint="name another file: a backup overwrites nothing")
    if not path.parent.is_dir():
        raise Invalid(f"there is no folder '{path.parent}'", hint="make it, or name another place")
    if not _making.acquire(blocking=False):
        raise Conflict("a backup is being made", hint="wait until it has ended")
    beside, work = path.with_name(f".{path.name}.part"), current().data / ".backup"
    try:
        _clear(beside, work)  # what a killed one left
        work.mkdir(mode=0o700)
        yield from _write(beside, work)
        beside.replace(path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Unavailable("the disk is full", hint="free space, or write the backup elsewhere") from error
        why = f"the backup could not be written: {error}"
        raise Unavailable(why, hint="name a place the portal's user may write to, then try again") from error
    finally:
        _clear(beside, work)
        _making.release()
    for ref in organisations.databases():
        with db.write(ref) as session:
            audit.record(session, platform(ref.name), "platform.backup", subject=f"backup:{path.name}")
    return f"{path} ({_size(path.stat().st_size)}). It opens every secret of the install: keep it as safe as they are."


def _clear(beside: Path, work: Path) -> None:
    beside.unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _write(path: Path, work: Path) -> Generator[str, None, None]:
    control = organisations.control()
    with _Archive(path) as archive:
        head = {
            "format": FORMAT, "towpath": version("towpath"), "created": clock.iso(clock.now()),
            "organisations": [one.name for one in organisations.databases()], "database": snapshot.kind(control),
            "migrations": {tree: migrate.head(tree) for tree in migrate.TREES},
        }  # fmt: skip
        (work / HEAD).write_text(json.dumps(head, indent=1))
        archive.add(work / HEAD, HEAD)
        yield "Databases"
        (work / "databases").mkdir()
        snapshot.save(control, work / "databases")
        archive.add_folder(work / "databases", "databases")
        for part in parts():
            yield part.title
            (work / part.name).mkdir()
            archive.add_folder(part.save(work / part.name), part.name, part.skip, part.first)
        (work / DIGESTS).write_text(json.dumps(archive.digests))
        archive.add(work / DIGESTS, DIGESTS)


class _Archive:
    """A tar that remembers the digest of each file it took."""

    def __init__(self, path: Path) -> None:
        self.digests: dict[str, str] = {}
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (closed below)

    def __enter__(self) -> "_Archive":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()

    def add_folder(self, folder: Path, name: str, skip: tuple[str, ...] = (), first: tuple[str, ...] = ()) -> None:
        """Take a folder's files and folders, links left out. What vanishes meanwhile was not worth keeping."""
        self._tar.addfile(_folder(name))
        for base, folders, files in os.walk(folder):
            kept = [one for one in folders if not _left_out(one, skip)]
            folders[:] = sorted(kept, key=lambda one: (one not in first, one))
            inside = PurePosixPath(name, Path(base).relative_to(folder).as_posix())
            for one in folders:
                self._tar.addfile(_folder(str(inside / one)))
            for one in sorted(files):
                path = Path(base, one)
                if not _left_out(one, skip) and path.is_file() and not path.is_symlink():
                    self.add(path, str(inside / one))

    def add(self, path: Path, name: str) -> None:
        """Take one file as long as it is now."""
        try:
            handle = path.open("rb")
        except FileNotFoundError:
            return
        with handle:
            info = self._tar.gettarinfo(arcname=name, fileobj=handle)
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            digest = hashlib.sha256()
            self._tar.addfile(info, _Hashed(handle, digest.update))
            self.digests[name] = digest.hexdigest()


class _Hashed:
    """A file that tells what is read from it."""

    def __init__(self, handle: IO[bytes], tell: Any) -> None:
        self._handle, self._tell = handle, tell

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._handle.read(size)
        self._tell(data)
        return data


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o700
    return info


def _left_out(name: str, skip: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in skip)


# ── load ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def load(path: Path) -> Progress:
    """Make a data folder without an install that of the backup; says each part. The next start brings services back.

    Everything is unpacked and compared with its digest before anything is put in place. Raises Conflict when there is an
    install or any file of one, Invalid for a file that is damaged, cut off, not a backup, or of a newer Towpath.
    """
    if not _begun().exists():
        snapshot.refuse_install(organisations.control())
        _refuse_files()
    staging = current().data / ".restore"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        yield f"Reading {path.name}"
        head = _unpack(path, staging)
        _begun().write_text(path.name)
        for part in parts():
            yield part.title
            folder = staging / part.name
            if folder.is_dir():
                part.load(folder)
        yield "Databases"
        snapshot.load(organisations.control(), staging / "databases")
        _bring_back(path.name)
        _begun().unlink()
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return f"This is the install of {head['created']}. Start it with 'towpath up': it starts its services again."


def _refuse_files() -> None:
    """Raise Conflict when the data folder holds files, also where its database is elsewhere and empty."""
    for folder in sorted(one for one in current().data.iterdir() if one.is_dir()):
        if any(one.is_file() for one in folder.rglob("*")):
            raise Conflict(
                f"the data folder is not empty: there is '{folder.name}'", hint="restore into an empty TOWPATH_HOME"
            )


def refuse_half() -> None:
    """Raise Conflict when a restore ended in its middle: what it put in place is no install."""
    if _begun().exists():
        raise Conflict(
            f"the restore of '{_begun().read_text()}' was cut off", hint="run it again, or take an empty data folder"
        )


def _begun() -> Path:
    return current().data / "restoring"


def _bring_back(name: str) -> None:
    migrate.upgrade(organisations.control())
    for ref in organisations.databases():
        migrate.upgrade(ref)
        with db.write(ref) as session:
            audit.record(session, platform(ref.name), "platform.restore", subject=f"backup:{name}")
            deployments.bring_back(session, platform(ref.name))


def _unpack(path: Path, staging: Path) -> dict[str, Any]:
    """Lay the files out and compare them; returns the head."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                target = _target(staging, info)
                if info.isdir():
                    target.mkdir(parents=True, exist_ok=True, mode=0o700)
                    continue
                source = tar.extractfile(info)
                if source is not None:
                    found[info.name] = _copy(source, target, info.mode & 0o700 | 0o600)
                if info.name == HEAD:
                    _acceptable(json.loads(target.read_text()))
    except (OSError, tarfile.TarError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise Unavailable(
                f"'{path}' cannot be read: {error.strerror}", hint="look at the file and the disk"
            ) from error
        raise Invalid(f"'{path}' is not a backup of Towpath, or damaged: {error}", hint="take another one") from error
    wanted = json.loads((staging / DIGESTS).read_text()) if DIGESTS in found else None
    found.pop(DIGESTS, None)
    if wanted is None or HEAD not in found:
        raise Invalid(f"'{path}' was cut off", hint="take another backup")
    wrong = sorted({*wanted.items()} ^ {*found.items()})
    if wrong:
        raise Invalid(f"'{path}' is damaged at '{wrong[0][0]}'", hint="take another backup")
    head: dict[str, Any] = json.loads((staging / HEAD).read_text())
    return head


def _target(staging: Path, info: tarfile.TarInfo) -> Path:
    name = PurePosixPath(info.name)
    if name.is_absolute() or ".." in name.parts or not (info.isfile() or info.isdir()):
        raise ValueError(f"it holds '{info.name}', which no backup has")
    return staging / name


def _copy(source: IO[bytes], target: Path, mode: int) -> str:
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with target.open("xb") as handle:
        target.chmod(mode)
        for block in _blocks(source):
            digest.update(block)
            handle.write(block)
    return digest.hexdigest()


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    while block := source.read(1 << 20):
        yield block


def _acceptable(head: dict[str, Any]) -> None:
    newer = [tree for tree, revision in head["migrations"].items() if revision > migrate.head(tree)]
    if head["format"] > FORMAT or newer:
        raise Invalid(
            f"this backup was made by Towpath {head['towpath']}, which is newer", hint="update Towpath, then restore"
        )


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"

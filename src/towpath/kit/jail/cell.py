"""What one piece of foreign code may see and use, and the files that are handed to it."""

import fcntl
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from towpath.kit import files, settings
from towpath.kit.errors import Invalid
from towpath.kit.jail.host import probe

FIRST_UID = 2_000_000
PASSED = (
    "PIP_",
    "UV_",
    "SSL_CERT",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32")
ETC = (
    "ssl", "ca-certificates", "pki", "localtime", "nsswitch.conf", "resolv.conf", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "alternatives", "mime.types", "services", "protocols",
)  # fmt: skip


@dataclass(frozen=True)
class Bind:
    """A file or folder of the host, shown at a fixed path inside; read-only unless `writable`."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Cell:
    """A jail's whole inventory. `environment` is everything inside; nothing is inherited. `work` is shown writable at /work.

    `name` sets a uid apart within organisation and purpose (a service's own). Limits: `memory_mb` counts writable memory,
    `cpu_seconds`, `file_mb` the size of one file, `processes` per uid. `network=False` leaves no network at all.
    `sealed` names JSON files (host paths) whose values join the environment inside, after the privileges are gone.
    """

    purpose: str
    organisation: str
    name: str = ""
    work: Path | None = None
    binds: tuple[Bind, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    network: bool = True
    memory_mb: int | None = None
    cpu_seconds: int | None = None
    file_mb: int | None = None
    processes: int | None = None
    cwd: str = "/work"
    sealed: tuple[Path, ...] = ()

    @property
    def uid(self) -> int:
        """The uid inside: one per organisation, purpose and name when root; our own otherwise."""
        return _uid(f"{self.organisation}/{self.purpose}/{self.name}") if probe().kind == "root" else os.getuid()


def _uid(key: str) -> int:
    """The uid of a key, from a table that never gives one uid to two keys."""
    path = settings.current().data / "uids.json"
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        table: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if key not in table:
            table[key] = max(table.values(), default=FIRST_UID - 1) + 1
            files.write_json(path, table)
        return table[key]


def prepare(cell: Cell) -> None:
    """Give the work folder and writable binds to the cell's uid; does nothing when not root."""
    if probe().kind != "root":
        return
    uid = cell.uid
    for path in [cell.work, *(bind.source for bind in cell.binds if bind.writable)]:
        if path is not None and path.stat().st_uid != uid:
            os.chown(path, uid, uid)
            for folder, names, others in os.walk(path):
                for name in [*names, *others]:
                    os.chown(Path(folder) / name, uid, uid, follow_symlinks=False)


def reclaim(place: Path) -> None:
    """Give what a cell made to the platform, readable by every cell it is shown to. Raises Invalid for a link that leads
    out of `place` to anything but the interpreter: the platform, which follows it, may read more than the cell could."""
    home, system = place.resolve(), Path(sys.base_prefix).resolve()
    if place.is_symlink() or not place.is_dir():
        raise Invalid(f"'{place.name}' is no folder", hint="a build must not take it away")
    for base, folders, names in os.walk(place):
        for path in [Path(base), *(Path(base) / one for one in [*folders, *names])]:
            if os.getuid() == 0:
                os.lchown(path, 0, os.getgid())
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            elif not path.resolve().is_relative_to(home) and not path.resolve().is_relative_to(system):
                raise Invalid(
                    f"'{path.relative_to(place)}' links out of its folder", hint="build it without such links"
                )


def seal(path: Path, data: bytes, cell: Cell) -> None:
    """Write a file that only the cell's uid may read (0400), in one rename."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
        if probe().kind == "root":
            os.fchown(handle.fileno(), cell.uid, cell.uid)
    beside.replace(path)


def interpreter() -> Path:
    """The interpreter that cells use: the base one, never our virtual environment's, so nothing of ours is importable."""
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def environment_passthrough() -> dict[str, str]:
    """Package-index, proxy and certificate settings for builds, from our own environment, without credentials."""
    found = {
        key: _plain(value)
        for key, value in os.environ.items()
        if key.upper().startswith(PASSED) and not any(word in key.upper() for word in ("PASSWORD", "TOKEN", "USERNAME"))
    }
    for key in (
        "UV_CACHE_DIR",
        "PIP_CACHE_DIR",
        "UV_PYTHON",
        "UV_PROJECT_ENVIRONMENT",
        "UV_TOOL_DIR",
        "PIP_CONFIG_FILE",
    ):
        found.pop(key, None)
    return found


def _plain(value: str) -> str:
    parts = [_without_user(part) for part in value.split()]
    return " ".join(parts)


def _without_user(text: str) -> str:
    if "://" not in text:  # a proxy may be written without its scheme
        return text.rpartition("@")[2]
    url = urlsplit(text)
    return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, url.query, url.fragment))

"""Dependency layers: one relocatable environment per lock and interpreter, built once in the jail, bytecode compiled.

The files belong to the platform and are only ever shown read-only; nothing is linked to a cache that a build may write.
A tar of each layer is kept in the store's folder, so a lost layer comes back without a network.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from uv import find_uv_bin

from towpath.artifacts import requirements
from towpath.kit import jail, settings
from towpath.kit.errors import Unavailable

TIMEOUT_S = 600.0


def key(lock: str) -> str:
    """The name of a lock's layer: 24 hex digits of lock, interpreter and machine."""
    parts = (lock, sys.version, platform.machine(), platform.libc_ver()[1])
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def folder(name: str) -> Path:
    """Where a layer lies when it is complete."""
    return settings.current().folder("layers") / name


def _used(name: str) -> bool:
    """Whether the layer is there; it is kept for some time from now on."""
    if not complete(name):
        return False
    with contextlib.suppress(FileNotFoundError):
        os.utime(folder(name))
    return complete(name)


def complete(name: str) -> bool:
    """Whether the layer can be used now."""
    return (folder(name) / "bin" / "python").exists()


def ensure(lock: str, organisation: str, log: Callable[[str], None] = lambda line: None) -> Path:
    """The layer of a lock, built or unpacked when it is not there. Raises Invalid for a lock without hashes."""
    requirements.read(lock)
    name = key(lock)
    if _used(name):
        return folder(name)
    with _alone(name):
        if _used(name):
            return folder(name)
        if _archive(name).exists():
            log(f"Unpacking layer {name}")
            _unpack(name)
        else:
            log(f"Building layer {name}")
            _build(name, lock, organisation)
            threading.Thread(target=_keep, args=(name,), name="layer-archive").start()
    return folder(name)


def restore(name: str) -> Path:
    """A layer that a bundle names: there, or unpacked from its archive. Raises Unavailable when both are lost."""
    if not complete(name):
        with _alone(name):
            if complete(name):
                return folder(name)
            if not _archive(name).exists():
                raise Unavailable(f"the layer '{name}' is lost", hint="run the pipeline of the commit again")
            _unpack(name)
    return folder(name)


def remove_unused(named: Collection[str], unused_s: float = 7 * 86_400) -> list[str]:
    """Remove layers that no bundle names and nobody asked for lately, archives too; returns their names."""
    place = settings.current().folder("layers")
    known = {path.stem for path in place.glob("[!.]*")}
    return [name for name in sorted(known - set(named)) if _remove(name, unused_s)]


def _remove(name: str, unused_s: float) -> bool:
    with _alone(name):
        found = [path for path in (folder(name), _archive(name)) if path.exists()]
        if any(time.time() - path.stat().st_mtime < unused_s for path in found):
            return False
        _archive(name).unlink(missing_ok=True)
        shutil.rmtree(folder(name), ignore_errors=True)
    return True


def give_archive(name: str, folder: Path) -> None:
    """Put a layer's archive into another folder; nothing happens for a layer that is lost. No bytes are copied."""
    with _alone(name):
        if not _archive(name).exists() and complete(name):
            _keep(name)
        if _archive(name).exists() and not (folder / _archive(name).name).exists():
            os.link(_archive(name), folder / _archive(name).name)


def take_archives(folder: Path) -> None:
    """Take over archives that `give_archive` gave; their layers are unpacked when a release asks for them."""
    for one in folder.glob("*.tar"):
        one.replace(settings.current().folder("layers") / one.name)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    with (settings.current().folder("layers") / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _archive(name: str) -> Path:
    return settings.current().folder("layers") / f"{name}.tar"


def _build(name: str, lock: str, organisation: str) -> None:
    fresh = settings.current().folder("layers") / f".{name}.new"
    jail.end_left(fresh)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    (fresh / "requirements.lock").write_text(lock)
    cache = settings.current().folder("cache", f"layers-{organisation}")
    python = str(jail.interpreter())
    cell = jail.Cell(
        "layer", organisation, work=fresh,
        binds=(jail.Bind(Path(find_uv_bin()), "/towpath/bin/uv"), jail.Bind(cache, "/cache", writable=True)),
        environment={
            **jail.environment_passthrough(), "UV_CACHE_DIR": "/cache", "UV_PYTHON_DOWNLOADS": "never",
            "UV_LINK_MODE": "copy", "UV_NO_CONFIG": "1", "UV_SYSTEM_CERTS": "1",
        },
    )  # fmt: skip
    script = (
        f"uv venv --quiet --relocatable --python {python} /work/venv && "
        "uv pip install --quiet --python /work/venv/bin/python --no-deps --require-hashes --compile-bytecode "
        "-r /work/requirements.lock"
    )
    done = jail.run(cell, ["/bin/sh", "-c", script], timeout_s=TIMEOUT_S)
    if done.code:
        words = done.stderr.decode(errors="replace").strip()[-1500:]
        shutil.rmtree(fresh, ignore_errors=True)
        raise Unavailable(
            f"the dependencies could not be installed: {words}", hint="check the lock and the package index"
        )
    jail.reclaim(fresh / "venv")
    (fresh / "venv").replace(folder(name))
    shutil.rmtree(fresh, ignore_errors=True)


def _keep(name: str) -> None:
    beside = _archive(name).with_suffix(".part")
    with tarfile.open(beside, "w") as tar:
        tar.add(folder(name), arcname=".")
    beside.replace(_archive(name))


def _unpack(name: str) -> None:
    fresh = settings.current().folder("layers") / f".{name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    with tarfile.open(_archive(name)) as tar:
        tar.extractall(fresh, filter="fully_trusted")  # noqa: S202 (our own archive)
    os.utime(fresh)  # the archive kept the time of the build
    fresh.replace(folder(name))

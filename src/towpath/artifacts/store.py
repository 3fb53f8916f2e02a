"""The content-addressed store: a blob is written beside, synced and renamed to its digest, so a name never lies."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from towpath.kit import settings
from towpath.kit.errors import NotFound, Unavailable

CHUNK = 1 << 20


def folder(organisation: str) -> Path:
    """The blobs of one organisation; nothing is shared between tenants."""
    return settings.current().folder("artifacts", organisation, "sha256")


def path(organisation: str, digest: str) -> Path:
    """Where a blob lies or would lie."""
    name = digest.removeprefix("sha256:")
    if len(name) != 64 or not all(char in "0123456789abcdef" for char in name):
        raise NotFound(f"'{digest}' is no digest")
    return folder(organisation) / name[:2] / name


def put(organisation: str, chunks: Iterable[bytes]) -> tuple[str, int]:
    """Store bytes; returns (`sha256:…`, size). The same bytes again change nothing. Raises Unavailable on a full disk."""
    digest, size = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(".part", dir=folder(organisation))
    try:
        with os.fdopen(descriptor, "wb") as handle:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                handle.write(chunk)
            handle.flush()
            os.fsync(handle.fileno())
        target = path(organisation, digest.hexdigest())
        target.parent.mkdir(exist_ok=True, mode=0o700)
        Path(name).replace(target)
    except OSError as error:
        raise Unavailable(
            f"the artifact could not be stored: {error.strerror}", hint="free disk space, then retry"
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)
    return f"sha256:{digest.hexdigest()}", size


def put_file(organisation: str, source: Path) -> tuple[str, int]:
    """Store a file."""
    with source.open("rb") as handle:
        return put(organisation, iter(lambda: handle.read(CHUNK), b""))


def get(organisation: str, digest: str) -> Path:
    """The blob's file; raises NotFound."""
    found = path(organisation, digest)
    if not found.is_file():
        raise NotFound(f"there is no artifact '{digest}'")
    return found


def remove(organisation: str, digest: str) -> None:
    """Remove a blob that nobody names any more; a repeat is fine."""
    place = path(organisation, digest)
    shutil.rmtree(place.with_name(f"{place.name}.d"), ignore_errors=True)
    place.unlink(missing_ok=True)

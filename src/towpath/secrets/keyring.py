"""Where the key-encryption keys are: `TOWPATH_KEK`, or the file `keys/kek` (0600) in the data folder.

The first key seals, all of them open: a rotation puts a new one in front, reseals, and drops the old ones.
"""

import os
from pathlib import Path

from towpath.kit import settings
from towpath.kit.errors import Conflict, Unavailable
from towpath.secrets.crypto import Key

VARIABLE = "TOWPATH_KEK"


def keys() -> list[Key]:
    """The keys, newest first; made on first use. Raises Unavailable when the file is readable by others or broken."""
    given = os.environ.get(VARIABLE)
    if given:
        return [Key.parse(text) for text in given.split(",")]
    path = _path()
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise Unavailable("the key file keys/kek can be read by other users", hint="chmod 600 it, then rotate the key")
    found = [Key.parse(line) for line in path.read_text().splitlines() if line.strip()]
    if not found:
        raise Unavailable("the key file keys/kek is empty", hint="put it back from your backup")
    return found


def add_new() -> Key:
    """Put a new key in front; from now on it seals. Raises Conflict when the keys come from the environment."""
    held = keys()
    if os.environ.get(VARIABLE):
        raise Conflict(f"the key comes from {VARIABLE}", hint=f"set {VARIABLE}=new,old, restart, then reseal")
    new = Key.new()
    _replace(_path(), [new, *held])
    return new


def drop_old() -> int:
    """Forget all keys but the first, once everything is sealed under it. Returns how many were dropped."""
    held = keys()
    if not os.environ.get(VARIABLE):
        _replace(_path(), held[:1])
    return len(held) - 1


def _path() -> Path:
    return settings.current().folder("keys") / "kek"


def _create(path: Path) -> None:
    """Write the first key beside its name and link it there: two processes starting at once agree on one key."""
    beside = _beside(path, [Key.new()])
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink()


def _replace(path: Path, held: list[Key]) -> None:
    _beside(path, held).replace(path)


def _beside(path: Path, held: list[Key]) -> Path:
    beside = path.with_name(f".kek.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{key.text()}\n" for key in held))
        file.flush()
        os.fsync(file.fileno())
    return beside

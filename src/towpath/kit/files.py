"""Files that are whole or absent: written beside, flushed, renamed."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write(path: Path, data: bytes, *, mode: int = 0o600, durable: bool = False) -> None:
    """Replace `path` by `data` in one rename; `durable` waits until the bytes are on the disk."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            os.fchmod(handle.fileno(), mode)
            if durable:
                handle.flush()
                os.fsync(handle.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any, *, mode: int = 0o600) -> None:
    """Replace `path` by a JSON document, durably."""
    write(path, json.dumps(value, indent=1).encode(), mode=mode, durable=True)

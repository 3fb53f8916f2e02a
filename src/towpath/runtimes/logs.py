"""What services print: one file per release, masked, read from its end, followed by offset."""

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from towpath.kit import clock
from towpath.kit.errors import NotFound
from towpath.runtimes import releases, state

KEEP_BYTES = 5_000_000
"""Size at which a log becomes `.1` and begins anew."""
KEEP_FILES = 4
"""How many releases' logs are kept."""
ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")


@dataclass(frozen=True)
class Piece:
    """Some lines of a release's log and the place after them: give `release` and `offset` back to read on."""

    release: str
    offset: int
    lines: list[str]


def tail(logical: str, count: int = 200) -> Piece:
    """The last lines of the release that serves; no lines when nothing was written yet."""
    path = _shown(logical)
    if path is None:
        return Piece("", 0, [])
    lines, end = _last(path, count)
    older = path.with_suffix(".log.1")
    if len(lines) < count and older.exists():
        lines = _last(older, count - len(lines))[0] + lines
    return Piece(path.stem, end, _masked(logical, path.stem, lines))


def after(logical: str, release: str, offset: int, limit_bytes: int = 200_000) -> Piece:
    """Lines after `offset`, whole ones where they fit; goes on with the release that took over, or a file that began anew."""
    path = _shown(logical)
    if path is None:
        return Piece(release, offset, [])
    size = path.stat().st_size
    start = offset if path.stem == release and offset <= size else 0
    with path.open("rb") as handle:
        handle.seek(start)
        data = handle.read(limit_bytes)
    whole = data[: data.rfind(b"\n") + 1]
    if not whole and len(data) == limit_bytes:
        whole = data  # a line longer than that comes in parts, else nothing would ever follow it
    return Piece(path.stem, start + len(whole), _masked(logical, path.stem, _decoded(whole)))


def of_release(logical: str, release: str, count: int = 20) -> list[str]:
    """The last lines of one release, masked."""
    path = state.folder(logical) / "logs" / f"{release}.log"
    return _masked(logical, release, _last(path, count)[0]) if path.exists() else []


def rotate(logical: str) -> None:
    """Keep a log's size and the number of logs in bounds, of a flood its end. The file stays the same: services append."""
    files = _files(logical)
    for path in files[:-KEEP_FILES]:
        path.unlink(missing_ok=True)
        path.with_suffix(".log.1").unlink(missing_ok=True)
    for path in files[-KEEP_FILES:]:
        if path.stat().st_size > KEEP_BYTES:
            with path.open("rb") as whole, path.with_suffix(".log.1").open("wb") as kept:
                whole.seek(-KEEP_BYTES, os.SEEK_END)
                kept.write(whole.read(KEEP_BYTES))
            os.truncate(path, 0)


def told(line: str) -> tuple[str, str]:
    """A line as people read it: (ISO 8601 moment or empty, text). A JSON object with a message is told in words.

    Keys as common loggers name them: time or timestamp, level, message or msg; the rest follows as `key=value`.
    """
    try:
        found = json.loads(line) if line.startswith("{") else None
        if not isinstance(found, dict) or not (message := found.pop("message", None) or found.pop("msg", None)):
            return "", line
        moment = _moment(found.pop("time", None) or found.pop("timestamp", None))
        level, _ = str(found.pop("level", "")).upper(), found.pop("logger", None)
        words = [] if level in ("", "INFO", "DEBUG") else [level]
        words += [str(message), *(f"{key}={value}" for key, value in found.items() if value not in ("", None))]
    except (ValueError, RecursionError):
        return "", line
    # JSON may spell half a surrogate pair, which no reader of ours could be sent.
    return moment, " ".join(words).encode(errors="replace").decode()


def _moment(value: object) -> str:
    """ISO 8601 of what a logger calls the time: text of that form, or seconds or milliseconds since 1970; else empty."""
    if isinstance(value, str):
        return value if ISO.match(value) else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        return clock.iso(datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC))
    except (ValueError, OverflowError, OSError):
        return ""


def _shown(logical: str) -> Path | None:
    # Not the file written last: a drained or failed release says its last words after the one that serves.
    files = _files(logical)
    try:
        serving = state.load(logical).current
    except NotFound:
        serving = None
    mine = [path for path in files if serving and path.stem == serving.release]
    return next(reversed(mine or files), None)


def _files(logical: str) -> list[Path]:
    folder = state.folder(logical) / "logs"
    return sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)


def _last(path: Path, count: int) -> tuple[list[str], int]:
    with path.open("rb") as handle:
        end = handle.seek(0, os.SEEK_END)
        start = max(0, end - max(4096, count * 400))
        handle.seek(start)
        data = handle.read(end - start)
    if start:
        data = data[data.find(b"\n") + 1 :]
    whole = data[: data.rfind(b"\n") + 1]
    rest = data[len(whole) :]
    lines = _decoded(whole)
    # A process that died in mid-line leaves the most interesting one unfinished: show it, but read it again later.
    if rest:
        lines += _decoded(rest)
    return lines[-count:], end - len(rest)


def _decoded(data: bytes) -> list[str]:
    return data.decode(errors="replace").splitlines()


def _masked(logical: str, release: str, lines: list[str]) -> list[str]:
    for value in releases.secret_values(logical, release):
        lines = [line.replace(value, "****") for line in lines]
    return lines

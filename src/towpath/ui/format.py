"""How values read on screen: times relative, durations human, long texts short in the middle."""

import re
from datetime import datetime

from towpath.kit import clock

UNITS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def relative(moment: datetime, now: datetime | None = None) -> str:
    """`3 min ago`, `in 2 d`, `just now` below 10 s; the words match web/src/times.ts."""
    seconds = round(((now or clock.now()) - moment).total_seconds())
    if abs(seconds) < 10:
        return "just now"
    size, unit = next((size, unit) for size, unit in UNITS if abs(seconds) >= size)
    count = abs(seconds) // size
    return f"{count} {unit} ago" if seconds >= 0 else f"in {count} {unit}"


def exact(moment: datetime) -> str:
    """`2026-11-24 10:05:31 UTC`."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float | None) -> str:
    """`< 0.1 s`, `0.4 s`, `12 s`, `1 m 12 s`, `2 h 5 m`, `3 d 4 h`; an en dash for None."""
    if seconds is None:
        return "–"
    if round(seconds, 1) < 10:
        return "< 0.1 s" if 0 < seconds < 0.05 else f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} m"
    return f"{hours // 24} d {hours % 24} h"


def between(start: datetime | None, end: datetime | None) -> str:
    """The duration from start to end, to now when it has not ended."""
    return duration(((end or clock.now()) - start).total_seconds()) if start else "–"


def short(text: str, length: int = 24) -> str:
    """A long text with its middle left out: `sha256:4f2a…91bc`; up to 12 characters just its head, as Git shortens commits."""
    if len(text) <= length:
        return text
    if length <= 12:
        return text[:length]
    head = length // 2
    return f"{text[:head]}…{text[-(length - 1 - head) :]}"


def size(count: int | None) -> str:
    """Bytes for people: `512 B`, `75 kB`, `12.9 MB`."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit in ("B", "kB") or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return "–"


def name_of(ref: str) -> str:
    """The name in an entity ref: `orders` of `component:default/orders`."""
    return ref.rpartition("/")[2] or ref


def path_of(ref: str) -> str:
    """The page of an entity ref, as Backstage routes it."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.rpartition("/")
    return f"/catalog/{namespace or 'default'}/{kind}/{name}"


def sentence(text: str) -> str:
    """An error's message as a sentence on screen: its first letter large, the names in it as they are."""
    return text[:1].upper() + text[1:]


def spaced(text: str) -> str:
    """A relation as words: `provides API` of `providesApi`."""
    return re.sub(r"\bapi\b", "API", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())


def initials(name: str) -> str:
    """Two letters for a person."""
    parts = [part for part in name.replace(".", " ").replace("-", " ").split() if part]
    return "".join(part[0] for part in parts[:2]).upper() or "?"

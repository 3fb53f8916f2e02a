"""Reads a hash-locked requirements file: exact versions and the hashes of every file that may satisfy them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from towpath.kit.errors import Invalid, Problem

LINE = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(?:;(?P<marker>[^\\]*?))?\s*(?:--hash|$)"
)


@dataclass(frozen=True)
class Pin:
    """One locked package with the sha256 of each of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read(text: str, file: str = "requirements.lock") -> list[Pin]:
    """The pins that apply to this interpreter, by name. Raises Invalid with every line that is not locked."""
    pins, problems = [], []
    for number, line in _logical(text):
        plain = line.split(" #")[0].strip()
        if not plain or plain.startswith(("#", "--")):
            continue
        found, hashes = LINE.match(plain), tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", plain))
        applies = _applies(found["marker"]) if found and hashes else None
        if found is None or applies is None:
            problems.append(Problem("", file, number, 1, expected="name==version --hash=sha256:…", found=plain[:60]))
        elif applies:
            pins.append(Pin(canonicalize_name(found["name"]), found["version"], hashes))
    if problems:
        hint = "make it with 'uv pip compile --generate-hashes'"
        raise Invalid(f"{file} is not locked", hint=hint, problems=problems)
    return sorted(pins, key=lambda pin: pin.name)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined where a backslash ends one, each with the number of the line it begins on."""
    begun, parts = 1, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun if parts else number
        parts.append(line.removesuffix("\\").strip())
        if not line.endswith("\\"):
            yield begun, " ".join(parts)
            parts = []
    if parts:
        yield begun, " ".join(parts)


def _applies(marker: str | None) -> bool | None:
    """Whether a pin is for this interpreter; None when its marker says nothing that can be read."""
    try:
        return not marker or Marker(marker.strip()).evaluate()
    except InvalidMarker:
        return None

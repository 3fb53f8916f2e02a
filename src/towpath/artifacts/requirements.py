"""Reads a hash-locked requirements file: exact versions and the hashes of every file that may satisfy them."""

import re
from dataclasses import dataclass

from packaging.markers import Marker
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
    joined = re.sub(r"\\\n\s*", " ", text)
    for number, line in enumerate(joined.splitlines(), 1):
        plain = line.split(" #")[0].strip()
        if not plain or plain.startswith(("#", "--")):
            continue
        found, hashes = LINE.match(plain), tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", plain))
        if not found or not hashes:
            problems.append(Problem("", file, number, 1, expected="name==version --hash=sha256:…", found=plain[:60]))
        elif not found["marker"] or Marker(found["marker"].strip()).evaluate():
            pins.append(Pin(canonicalize_name(found["name"]), found["version"], hashes))
    if problems:
        hint = "make it with 'uv pip compile --generate-hashes'"
        raise Invalid(f"{file} is not locked", hint=hint, problems=problems)
    return sorted(pins, key=lambda pin: pin.name)

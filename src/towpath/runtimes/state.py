"""What is known of a logical service, as one file: instances, the phase of a replacement, its hosts.

`<component>.<environment>` (and `.<organisation>` for all but the first) names a *logical* service; an *instance* is one
process of one release of it. Files instead of tables: drivers hold no session, and services outlive the portal.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from towpath.kit import files
from towpath.kit.errors import Invalid, NotFound
from towpath.kit.settings import current

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,198}[a-z0-9])?")
RELEASE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Instance:
    """One process of one release: `program` is its name in supervisord, `since` when it took over (ISO 8601, UTC)."""

    release: str
    program: str
    port: int
    ready: str
    live: str
    since: str = ""


@dataclass(frozen=True)
class Draining:
    """An instance that gets no new requests and ends at `until` (seconds since 1970)."""

    instance: Instance
    until: float


@dataclass
class State:
    """A logical service. `phase` is how far the replacement by `next` came: prepared, started, ready; empty when none."""

    logical: str
    organisation: str = ""
    component: str = ""
    environment: str = ""
    current: Instance | None = None
    next: Instance | None = None
    phase: str = ""
    draining: list[Draining] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)

    def save(self) -> None:
        """Write it down durably: what is not on disk did not happen."""
        files.write_json(folder(self.logical) / "state.json", asdict(self))


def folder(logical: str) -> Path:
    """The folder of a logical service, made when absent; raises Invalid for what is no name."""
    if not NAME.fullmatch(logical):
        raise Invalid(f"'{logical}' is not a service's name", hint="a-z, 0-9, '.', '_' and '-', at most 200 characters")
    return current().folder("runtimes", logical)


def load(logical: str) -> State:
    """The state as last written; raises NotFound when nothing of that name runs here."""
    if not NAME.fullmatch(logical):
        raise NotFound(f"no service '{logical}' runs here")
    try:
        raw = json.loads((current().data / "runtimes" / logical / "state.json").read_text())
    except FileNotFoundError:
        raise NotFound(f"no service '{logical}' runs here", hint="deploy it first") from None
    return _state(raw)


def find(organisation: str, component: str, environment: str) -> State | None:
    """The logical service of a component in an environment of one organisation, never of another."""
    base = f"{component}.{environment}"
    for logical in (f"{base}.{organisation}", base):
        try:
            found = load(logical)
        except NotFound:
            continue
        if (found.organisation, found.component, found.environment) == (organisation, component, environment):
            return found
    return None


def all_() -> list[State]:
    """Every logical service of this install, by name."""
    found = []
    for path in sorted(current().folder("runtimes").glob("*/state.json")):
        with contextlib.suppress(FileNotFoundError):  # it is removed at this moment
            found.append(_state(json.loads(path.read_text())))
    return found


@contextlib.contextmanager
def locked(logical: str) -> Iterator[State]:
    """The state, held by one thread of one process at a time; a new one when there was none.

    What has neither instances nor hosts afterwards leaves no trace.
    """
    folder(logical)
    path = current().folder("runtimes", ".locks") / logical
    while True:
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Removal unlinks the file while others wait for it: what they got then is nobody's lock.
            if not path.exists() or os.fstat(lock.fileno()).st_ino != path.stat().st_ino:
                continue
            try:
                found = load(logical)
            except NotFound:
                found = State(logical)
            try:
                yield found
            finally:
                if not found.component and not found.hosts:
                    shutil.rmtree(folder(logical))
                    path.unlink(missing_ok=True)
            return


def _state(raw: dict[str, Any]) -> State:
    values = dict(raw)
    for key in ("current", "next"):
        values[key] = Instance(**values[key]) if values[key] else None
    values["draining"] = [Draining(Instance(**one["instance"]), one["until"]) for one in values["draining"]]
    return State(**values)

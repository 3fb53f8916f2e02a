"""From files to rows: compare with what a location supplied before, write what changed, say so by events."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from towpath.catalog import ingest, kinds, queries
from towpath.catalog.model import EntityRow, HistoryRow, LocationRow
from towpath.kit import clock, events, ids
from towpath.kit.actor import Actor
from towpath.kit.db import Session
from towpath.kit.errors import Conflict, Invalid, Problem
from towpath.sdk.types import Document, EntityView, KindSpec, SourceFile

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What taking a location's files did."""

    target: str
    entities: list[EntityView] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    taken: list[Problem] = field(default_factory=list)
    changed: int = 0

    def raise_when_nothing_came(self) -> None:
        """Raise Conflict or Invalid, with all problems, when there is no entity at all."""
        if self.entities:
            return
        if self.taken and len(self.taken) == len(self.problems):
            raise Conflict(
                f"{self.taken[0].found} is already registered",
                hint="choose another name, or unregister the other location first",
                problems=self.problems,
            )
        problems = self.problems or [Problem("there is no entity in it", self.target)]
        raise Invalid(f"nothing in '{self.target}' can be registered", problems=problems)


def digest(files: Sequence[SourceFile]) -> str:
    """Changes when any file or its name changes, whatever their order."""
    total = hashlib.sha256()
    for file in sorted(files, key=lambda one: one.url):
        total.update(f"{file.url}\0{len(file.data)}\0".encode() + file.data)
    return total.hexdigest()


def take(session: Session, actor: Actor, location: LocationRow, files: Sequence[SourceFile]) -> Outcome:
    """Make the entities of a location those of its files; the location keeps the problems. Unchanged documents are skipped."""
    came = digest(files)
    outcome = Outcome(location.target)
    before = {row.ref: row for row in queries.of_location(session, location.id)}
    location.refreshed_at = clock.now()
    if came == location.digest:
        outcome.entities = [view(row) for row in before.values()]
        outcome.problems = [Problem(**one) for one in location.problems if not one.get("warning")]
        return outcome
    origin = f"{location.type}:{location.target}"
    read = ingest.ingest(files, kinds.all_kinds(), ingest.Supply(origin, location.granted))
    known = {row.ref: row for row in queries.by_refs(session, [one.ref for one in read.entities])}
    outcome.problems += read.problems
    taking = _Taking(session, actor, location, outcome)
    for candidate in read.entities:
        taking.settle(candidate, known.get(candidate.ref))
    came_refs = {one.ref for one in read.entities}
    for row in before.values():
        if row.ref not in came_refs and (not read.problems or not _may_stay(row, location)):
            take_out(session, actor, row)
            outcome.changed += 1
    _write_state(location, came, outcome, read.warnings)
    return outcome


def _may_stay(row: EntityRow, location: LocationRow) -> bool:
    """What a broken file said before stays, unless the location lost the right to say it."""
    kind = kinds.all_kinds().get(row.kind)
    return location.granted or (kind is not None and kind.supply == "any")


@dataclass(frozen=True)
class _Taking:
    """One location's files being taken by one actor."""

    session: Session
    actor: Actor
    location: LocationRow
    outcome: Outcome

    def settle(self, candidate: ingest.Candidate, row: EntityRow | None) -> None:
        """Write one entity unless it is unchanged, or another location's."""
        if row is not None and (refusal := self._refusal(candidate, row)):
            self.outcome.problems.append(refusal)
            return
        if row is not None and row.etag == candidate.etag:
            self.outcome.entities.append(view(row))
            return
        action = "changed" if row else "registered"
        row = row or EntityRow(uid=ids.uuid7(), ref=candidate.ref, location_id=self.location.id, created_at=clock.now())
        _fill(row, candidate)
        queries.add(self.session, row)
        queries.replace_parts(self.session, row.id, candidate.relations, candidate.doc["metadata"].get("tags") or ())
        record(self.session, self.actor, row, action, f"{self.location.type}:{self.location.target}")
        self.outcome.entities.append(view(row))
        self.outcome.changed += 1

    def _refusal(self, candidate: ingest.Candidate, row: EntityRow) -> Problem | None:
        if row.location_id != self.location.id:
            holder = row.doc["metadata"]["annotations"].get(ingest.MANAGED, "another location")
            expected = f"a name that {holder} has not taken"
            self.outcome.taken.append(candidate.where.problem(("metadata", "name"), expected, row.ref))
            return self.outcome.taken[-1]
        # Ownership gives permissions: who commits to a repository must not take it over by editing a file there.
        owner = candidate.column("owner", "Group")
        if row.owner and owner != row.owner and not self.location.granted and not self.actor.owns(row.owner):
            expected = f"{row.owner}: only the owner or a platform engineer hands it over"
            return candidate.where.problem(("spec", "owner"), expected, owner)
        return None


def _fill(row: EntityRow, candidate: ingest.Candidate) -> None:
    metadata = candidate.doc["metadata"]
    profile = (candidate.doc.get("spec") or {}).get("profile") or {}
    shown = profile.get("displayName") if isinstance(profile, dict) else None
    row.kind, row.namespace, row.name = candidate.doc["kind"], metadata["namespace"], metadata["name"]
    row.title = metadata.get("title") or shown or metadata["name"]
    row.type, row.lifecycle = candidate.column("type"), candidate.column("lifecycle")
    row.owner, row.system = candidate.column("owner", "Group"), candidate.column("system", "System")
    words = (row.ref, row.title, metadata.get("description") or "", *(metadata.get("tags") or ()))
    row.words = " ".join(words).lower()
    row.etag, row.doc, row.changed_at = candidate.etag, candidate.doc, clock.now()


def _write_state(location: LocationRow, came: str, outcome: Outcome, warnings: Sequence[Problem]) -> None:
    # A name or an owner may be free tomorrow: only what went in without a problem is skipped by digest.
    location.digest = "" if outcome.problems else came
    location.problems = [one.as_dict() | {"message": one.message} for one in outcome.problems]
    location.problems += [one.as_dict() | {"message": one.message, "warning": True} for one in warnings]
    location.status = "problems" if outcome.problems and outcome.entities else "failed" if outcome.problems else "ok"


def take_out(session: Session, actor: Actor, row: EntityRow, *, root_id: str | None = None) -> None:
    """Delete an entity's rows and leave its tombstone."""
    origin = row.doc["metadata"]["annotations"].get(ingest.ORIGIN, "")
    record(session, actor, row, "removed", origin, root_id=root_id)
    queries.drop(session, row)


def record(
    session: Session, actor: Actor, row: EntityRow, action: str, location: str, *, root_id: str | None = None
) -> None:
    """One line of history, one event, one more revision."""
    line = HistoryRow(
        id=ids.uuid7(),
        uid=row.uid,
        ref=row.ref,
        action=action,
        at=clock.now(),
        actor=actor.ref,
        location=location,
        doc=row.doc,
    )
    queries.add(session, line)
    data = {"uid": row.uid, "kind": row.kind, "location": location}
    events.emit(session, f"entity.{action}", row.ref, data, actor=actor.ref, root_id=root_id)
    queries.raise_revision(session)
    session.info["catalog_changed"] = True


def view(row: EntityRow) -> EntityView:
    """An entity as other capabilities see it."""
    metadata = row.doc["metadata"]
    location = metadata.get("annotations", {}).get(ingest.MANAGED, "")
    full = {**row.doc, "metadata": {**metadata, "uid": row.uid, "etag": row.etag}}
    return EntityView(
        row.uid, row.ref, row.kind, row.namespace, row.name, row.title, row.type, row.owner, row.lifecycle, row.system,
        full, location,
    )  # fmt: skip


def document(row: EntityRow, kind: KindSpec) -> Document | None:
    """A document with its spec parsed, for the capability that owns the kind.

    None for one that was taken in before its kind became stricter: it must not take its siblings away. The next time its
    location is read it is listed with what is wrong.
    """
    seen = view(row)
    try:
        spec: Any = kind.model.model_validate(row.doc.get("spec", {}))
    except ValidationError as error:
        log.error("%s is left out: %s", seen.ref, error)  # noqa: TRY400 (where it was raised tells nothing)
        return None
    return Document(seen.ref, row.name, row.title, spec, seen.doc["metadata"], seen.location, seen.doc)

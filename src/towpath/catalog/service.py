"""Use cases of the catalog: read entities, bring locations in, refresh them, take them out."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from towpath.audit.service import audited, note
from towpath.catalog import ingest, intake, kinds, queries, refs, sources, urls
from towpath.catalog import lint as offline
from towpath.catalog.model import EntityRow, HistoryRow, LocationRow
from towpath.catalog.queries import FACETS, Filter
from towpath.kit import clock, db, ids, yaml
from towpath.kit.actor import Actor
from towpath.kit.db import Session
from towpath.kit.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from towpath.runs import service as runs
from towpath.sdk import plugins
from towpath.sdk.types import Document, EntityView, Removal, RunView, SourceFile

__all__ = ["FACETS", "Filter", "Page"]
view = intake.view
canonical = refs.canonical


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Page:
    """One page of a list: `next` is the cursor of the following one, `total` counts all pages."""

    items: list[EntityView]
    total: int
    next: str | None


_documents: dict[tuple[db.DatabaseRef, str], tuple[int, list[Document]]] = {}


def documents(session: Session, kind: str) -> list[Document]:
    """All documents of one kind by name, spec parsed by the kind's model; parsed again only after a change.

    Raises NotFound when no capability declares the kind.
    """
    declared = kinds.all_kinds().get(kind)
    if declared is None:
        raise NotFound(f"there is no kind '{kind}'")
    key, revision = (db.database(session), kind), queries.revision(session)
    changing = session.info.get("catalog_changed", False)
    kept = _documents.get(key)
    if kept and kept[0] == revision and not changing:
        return kept[1]
    made = [one for row in queries.of_kind(session, kind) if (one := intake.document(row, declared)) is not None]
    if not changing:  # what an open transaction sees may be rolled back
        _documents[key] = (revision, made)
    return made


def find(session: Session, ref: str) -> EntityView | None:
    """The entity of a ref in any case (`component:default/orders`), or None."""
    row = queries.by_ref(session, refs.canonical(ref))
    return view(row) if row else None


def get(session: Session, ref: str) -> EntityView:
    """The entity of a ref; raises NotFound."""
    found = find(session, ref)
    if found is None:
        raise NotFound(
            f"there is no entity '{ref}'", hint="look it up in the catalog: it may have been removed or renamed"
        )
    return found


def get_many(session: Session, wanted: Sequence[str]) -> dict[str, EntityView]:
    """Entities by canonical ref; those that do not exist are absent."""
    return {row.ref: view(row) for row in queries.by_refs(session, wanted)}


def by_uid(session: Session, uid: str) -> EntityView:
    """The entity of a uid; raises NotFound."""
    row = queries.by_uid(session, uid)
    if row is None:
        raise NotFound(f"there is no entity with uid '{uid}'")
    return view(row)


def everything(session: Session, only: Sequence[str] = ()) -> list[EntityView]:
    """All entities in order of ref, of some kinds when given."""
    return [view(row) for row in queries.everything(session, kinds.as_declared(only))]


def list_entities(session: Session, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
    """One page of entities in order of name, and how many there are. Raises Invalid for a cursor that is not ours."""
    wanted = replace(wanted, kind=kinds.as_declared(wanted.kind))
    rows = queries.page(session, wanted, limit + 1, _opened(cursor))
    more = rows[limit - 1] if len(rows) > limit else None
    after = base64.urlsafe_b64encode(orjson.dumps([more.name, more.id])).decode() if more else None
    return Page([view(row) for row in rows[:limit]], queries.count(session, wanted), after)


def _opened(cursor: str | None) -> tuple[str, int] | None:
    if not cursor:
        return None
    try:
        name, number = orjson.loads(base64.urlsafe_b64decode(cursor))
        return str(name), int(number)
    except (binascii.Error, ValueError, TypeError) as error:
        raise Invalid("this page of the list does not exist", hint="begin again with the first page") from error


def facets(session: Session, wanted: Filter) -> dict[str, list[tuple[str, int]]]:
    """Values and counts of kind, type, owner, lifecycle, system and tag, each under the other fields' filters."""
    wanted = replace(wanted, kind=kinds.as_declared(wanted.kind))
    return {field: queries.facet(session, wanted, field) for field in FACETS}


def related(session: Session, ref: str) -> list[tuple[str, str]]:
    """(type, ref) of everything an entity is related to, in both directions, sorted."""
    return [(type_, target) for _, type_, target in queries.relations(session, [refs.canonical(ref)])]


def relations_of(session: Session, wanted: Sequence[str]) -> Mapping[str, list[tuple[str, str]]]:
    """(type, ref) lists by canonical ref, of several entities in one query."""
    found: dict[str, list[tuple[str, str]]] = {}
    for src, type_, target in queries.relations(session, wanted):
        found.setdefault(src, []).append((type_, target))
    return found


def graph(session: Session, ref: str, depth: int = 1, *, limit: int = 80) -> dict[str, list[dict[str, Any]]]:
    """Entities within `depth` steps of one, at most `limit`: `nodes` {id, label, kind, href, root} and `edges`
    {from, to, label}. What is named but does not exist is a node without href."""
    start = refs.canonical(ref)
    seen, border = [start], [start]
    edges: dict[tuple[str, str, str], None] = {}
    for _ in range(depth):
        found = queries.related_to(session, border, kinds.FORWARD)
        edges.update(dict.fromkeys(found))
        fresh = sorted({end for src, _, target in found for end in (src, target)} - set(seen))
        border = fresh[: max(0, limit - len(seen))]
        seen += border
        if not border:
            break
    known = {row.ref: row for row in queries.by_refs(session, seen)}
    return {
        "nodes": [_node(one, known.get(one), one == start) for one in seen],
        "edges": [{"from": s, "to": t, "label": label} for s, label, t in edges if s in seen and t in seen],
    }


def _node(ref: str, row: EntityRow | None, root: bool) -> dict[str, Any]:
    parsed = refs.parse(ref)
    known = (
        {"label": row.title, "kind": row.kind, "href": view(row).path}
        if row
        else {"label": parsed.name, "kind": parsed.kind}
    )
    return {"id": ref, "root": root, **known}


def groups_of(session: Session, user_ref: str) -> list[str]:
    """Refs of a user's groups, parents included."""
    return queries.groups_of(session, user_ref)


def history(session: Session, ref: str, limit: int = 50) -> list[HistoryRow]:
    """What happened to an entity, newest first: `action` registered, changed or removed, `at`, `actor`, `doc`."""
    return queries.history(session, refs.canonical(ref), limit)


def locations(session: Session) -> list[tuple[LocationRow, int]]:
    """All locations with the number of entities each supplies."""
    counts = queries.entity_counts(session)
    return [(row, counts.get(row.id, 0)) for row in queries.locations(session)]


def location(session: Session, location_id: str) -> LocationRow:
    """A location by id; raises NotFound."""
    row = queries.location(session, location_id)
    if row is None:
        raise NotFound("there is no such location")
    return row


def location_named(session: Session, target_url: str) -> LocationRow | None:
    """The location registered for an address, or None."""
    return queries.location_of(session, urls.parse_location(target_url)[1])


def locations_reading(session: Session, prefix: str) -> list[LocationRow]:
    """The locations whose target begins with `prefix`, and those elsewhere that name a file there."""
    return queries.locations_reading(session, prefix)


def granted_below(session: Session, prefix: str) -> bool:
    """Whether what lies below `prefix` may supply platform kinds, templates, people and groups: a location there, or one
    elsewhere that names a file there, has a grant."""
    return bool(queries.locations_reading(session, prefix, granted=True))


def read_below(session: Session, prefix: str) -> list[EntityView]:
    """The entities that lie in files below `prefix`, or came by a location there."""
    return [view(row) for row in queries.read_below(session, prefix)]


def origin(entity: EntityView) -> str:
    """The registered location that an entity came from, perhaps through other Locations."""
    return entity.annotations.get(ingest.ORIGIN, entity.location)


def fetch(session: Session, target_url: str) -> list[SourceFile]:
    """All files a location names, Locations followed, read in the caller's session."""
    return sources.read_in(session, target_url)


def fetch_outside(database: db.DatabaseRef, target_url: str) -> list[SourceFile]:
    """The same with no session open while the network is used; what lies in our repositories gets a short one."""
    return sources.read(database, target_url)


def lint(paths: Sequence[Path]) -> ingest.Ingested:
    """Check descriptors on disk without a database: entities, problems and warnings, each with file, line and column."""
    return offline.check(paths)


def validate(entity: Mapping[str, Any], location: str) -> list[Problem]:
    """Every problem of one entity given as JSON, checked as if a granted location supplied it; nothing is kept."""
    file = SourceFile(urls.parse_location(location)[1], yaml.dump(dict(entity)).encode())
    return ingest.ingest([file], kinds.all_kinds(), ingest.Supply(location, granted=True)).problems


# ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@audited("catalog.register")
def register(
    session: Session, actor: Actor, target_url: str, *, files: Sequence[SourceFile] | None = None, granted: bool = False
) -> list[EntityView]:
    """Bring in what a location names; the same location again is a refresh. Doors read the `files` before they open
    the session (`fetch_outside`); without them they are read here, which only our own repositories allow.

    Returns its entities. Raises Invalid with every problem when nothing in it is an entity, Conflict when all its
    entities belong to other locations, Forbidden when `granted` is asked by someone who may not grant.
    """
    type_, target = urls.parse_location(target_url)
    if granted:
        actor.require("catalog.grant")
    if type_ == "file" and not granted:
        raise Forbidden("files of the host are registered only at install", hint="register an address of a repository")
    files = sources.read_in(session, target_url) if files is None else files
    row = queries.location_of(session, target) or _new_location(session, actor, type_, target)
    row.granted = row.granted or granted
    note(session, subject=f"{type_}:{target}", granted=row.granted)
    outcome = intake.take(session, actor, row, files)
    outcome.raise_when_nothing_came()
    return outcome.entities


def _new_location(session: Session, actor: Actor, type_: str, target: str) -> LocationRow:
    moment = clock.now()
    row = LocationRow(
        id=ids.uuid7(), type=type_, target=target, granted=False, status="new", problems=[], digest="",
        created_by=actor.ref, created_at=moment, refreshed_at=moment,
    )  # fmt: skip
    queries.add(session, row)
    return row


@audited("catalog.register")
def refresh_files(session: Session, actor: Actor, target_url: str, files: Sequence[SourceFile]) -> list[EntityView]:
    """Take a registered location's files again, after a push; never raises for what is wrong in them: the location
    shows it. Entities whose documents vanished go, unless a file cannot be read. Raises NotFound when unknown."""
    row = location_named(session, target_url)
    if row is None:
        raise NotFound(f"'{target_url}' is not registered")
    note(session, subject=f"{row.type}:{row.target}")
    return intake.take(session, actor, row, files).entities


@audited("catalog.grant")
def grant(session: Session, actor: Actor, location_id: str, files: Sequence[SourceFile], *, granted: bool) -> None:
    """Allow a location to supply platform kinds, templates, people and groups, or no longer; its files are taken again."""
    row = location(session, location_id)
    row.granted = granted
    row.digest = ""
    note(session, subject=f"{row.type}:{row.target}", granted=granted)
    intake.take(session, actor, row, files)


@audited("catalog.register")
def unregister(session: Session, actor: Actor, location_id: str) -> None:
    """Forget a location and the entities it supplied. Raises NotFound, and Forbidden unless the actor registered it or
    owns every entity."""
    row = location(session, location_id)
    supplied = queries.of_location(session, location_id)
    if row.created_by != actor.ref and not (supplied and all(actor.owns(one.owner) for one in supplied)):
        actor.require("catalog.grant")
    note(session, subject=f"{row.type}:{row.target}", entities=[one.ref for one in supplied])
    for one in supplied:
        intake.take_out(session, actor, one)
    queries.drop(session, row)


@audited("catalog.delete")
def remove(session: Session, actor: Actor, ref: str, *, root_id: str | None = None) -> None:
    """Take one entity out, leaving its tombstone; its location goes with the last entity it supplied.

    Removing what is already gone does nothing. Raises Forbidden unless the actor owns the entity.
    """
    row = queries.by_ref(session, refs.canonical(ref))
    note(session, subject=refs.canonical(ref))
    if row is None:
        return
    require_owner(actor, view(row))
    location_id = row.location_id
    intake.take_out(session, actor, row, root_id=root_id)
    if not queries.of_location(session, location_id):
        queries.drop(session, location(session, location_id))


@audited("catalog.delete")
def remove_below(session: Session, actor: Actor, prefix: str, *, but: str, root_id: str | None = None) -> list[str]:
    """Take out what was read below `prefix`, save the entity `but`, and the locations there that supply nothing any more:
    for a source that goes. Returns the refs of what went; a repeat returns none.
    """
    leaving = [one for one in queries.read_below(session, prefix) if one.ref != but]
    for one in leaving:
        intake.take_out(session, actor, one, root_id=root_id)
    for row in queries.locations_below(session, prefix):
        if not queries.of_location(session, row.id):
            queries.drop(session, row)
    gone = [one.ref for one in leaving]
    note(session, subject=prefix, entities=gone)
    return gone


def require_owner(actor: Actor, entity: EntityView) -> None:
    """Return when the actor owns the entity or stands above ownership; raises Forbidden that names the owner."""
    if not actor.owns(entity.owner):
        owner = entity.owner or "nobody"
        raise Forbidden(f"'{entity.ref}' belongs to {owner}", hint="ask the owner, or a platform engineer")


def removals(session: Session, entity: EntityView) -> list[Removal]:
    """What deleting an entity takes away in every capability, in the order in which it goes."""
    found = plugins.collect(plugins.call().entity_removals(session=session, entity=entity))
    return sorted(found, key=lambda one: (one.order, one.id))


@audited("catalog.delete")
def delete(session: Session, actor: Actor, ref: str, confirmed: str) -> RunView:
    """Start the run that takes an entity away with everything it owns. Returns the run.

    Raises Invalid unless `confirmed` is the entity's name, Forbidden unless the actor owns it, Conflict while a removal
    says that it is blocked.
    """
    entity = get(session, ref)
    require_owner(actor, entity)
    if confirmed != entity.name:
        raise Invalid("the name does not match", hint=f"type '{entity.name}' to delete it")
    note(session, subject=entity.ref)
    found = removals(session, entity)
    if blocked := [one.blocked for one in found if one.blocked]:
        raise Conflict(f"{entity.ref} cannot go yet: {'; '.join(blocked)}")
    steps = [{"id": one.id, "title": one.title} for one in found]
    wish = {"ref": entity.ref, "uid": entity.uid, "removals": steps}
    return runs.start(session, actor, "deletion", title=f"Delete {entity.title}", subject=entity.ref, input=wish)


def load_granted(session: Session, actor: Actor, name: str, files: Sequence[SourceFile]) -> int:
    """Take documents that ship with the install, under the location `file:<name>`; unchanged ones are skipped by digest.

    Returns how many entities were written. Raises Invalid when any document is wrong: what we ship is right.
    """
    target = f"towpath/{name}"
    row = queries.location_of(session, target)
    if row is not None and row.digest == intake.digest(files):
        return 0
    row = row or _new_location(session, actor, "file", target)
    row.granted = True
    outcome = intake.take(session, actor, row, files)
    if outcome.problems:
        raise Invalid(f"the documents of '{name}' are not valid", problems=outcome.problems)
    return outcome.changed

"""The only SQL of the catalog."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from towpath.catalog.ingest import MANAGED
from towpath.catalog.model import EntityRow, HistoryRow, LocationRow, RelationRow, RevisionRow, TagRow

MOST_VALUES = 10_000
"""Values of one statement; PostgreSQL takes 65,535 of them."""
FACETS = ("kind", "type", "owner", "lifecycle", "system", "tag")


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to: several values of one field are alternatives, fields add up. Kinds as declared."""

    kind: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    lifecycle: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    text: str = ""

    def without(self, field: str) -> "Filter":
        """The same filter with one field left open, for that field's own facet."""
        left_open: dict[str, Any] = {field: ()}
        return replace(self, **left_open)


def _where(wanted: Filter) -> list[ColumnElement[bool]]:
    made: list[ColumnElement[bool]] = []
    for field in ("kind", "type", "owner", "lifecycle", "system"):
        if values := getattr(wanted, field):
            made.append(getattr(EntityRow, field).in_(values))
    if wanted.tag:
        made.append(EntityRow.id.in_(select(TagRow.entity_id).where(TagRow.tag.in_(wanted.tag))))
    for word in wanted.text.lower().split():
        made.append(EntityRow.words.contains(word, autoescape=True))
    return made


def page(session: Session, wanted: Filter, limit: int, after: tuple[str, int] | None) -> list[EntityRow]:
    """Entities in order of name, `limit` of them after the (name, id) of the last one seen."""
    rows = select(EntityRow).where(*_where(wanted)).order_by(EntityRow.name, EntityRow.id).limit(limit)
    if after:
        rows = rows.where(tuple_(EntityRow.name, EntityRow.id) > tuple_(*after))
    return list(session.scalars(rows))


def count(session: Session, wanted: Filter) -> int:
    """How many entities a filter leaves."""
    return session.scalar(select(func.count()).select_from(EntityRow).where(*_where(wanted))) or 0


def facet(session: Session, wanted: Filter, field: str) -> list[tuple[str, int]]:
    """Values of one field with their counts, most frequent first; the field's own filter is left out."""
    column: Any = TagRow.tag if field == "tag" else getattr(EntityRow, field)
    rows: Select[Any] = select(column, func.count()).where(*_where(wanted.without(field)), column.is_not(None))
    if field == "tag":
        rows = rows.join(EntityRow, EntityRow.id == TagRow.entity_id)
    rows = rows.group_by(column).order_by(func.count().desc(), column).limit(50)
    return [(value, number) for value, number in session.execute(rows)]


def by_ref(session: Session, ref: str) -> EntityRow | None:
    """The entity of a canonical ref."""
    return session.scalar(select(EntityRow).where(EntityRow.ref == ref))


def by_uid(session: Session, uid: str) -> EntityRow | None:
    """The entity of a uid."""
    return session.scalar(select(EntityRow).where(EntityRow.uid == uid))


def by_refs(session: Session, refs: Iterable[str]) -> list[EntityRow]:
    """The entities of several canonical refs, in no order."""
    return list(session.scalars(select(EntityRow).where(EntityRow.ref.in_(list(refs)))))


def of_kind(session: Session, kind: str) -> list[EntityRow]:
    """All entities of one kind by name."""
    return list(session.scalars(select(EntityRow).where(EntityRow.kind == kind).order_by(EntityRow.name)))


def of_location(session: Session, location_id: str) -> list[EntityRow]:
    """All entities that a location supplied."""
    return list(session.scalars(select(EntityRow).where(EntityRow.location_id == location_id).order_by(EntityRow.id)))


def everything(session: Session, kinds: Sequence[str] = ()) -> list[EntityRow]:
    """All entities in order of their ref; of some kinds when given."""
    rows = select(EntityRow).order_by(EntityRow.ref)
    if kinds:
        rows = rows.where(EntityRow.kind.in_(kinds))
    return list(session.scalars(rows))


def add(session: Session, *rows: Any) -> None:
    """Insert rows and give them their keys."""
    session.add_all(rows)
    session.flush()


def drop(session: Session, row: EntityRow | LocationRow) -> None:
    """Delete a row; an entity takes its relations and tags along."""
    if isinstance(row, EntityRow):
        session.execute(delete(RelationRow).where(RelationRow.entity_id == row.id))
        session.execute(delete(TagRow).where(TagRow.entity_id == row.id))
    session.delete(row)
    session.flush()


def replace_parts(
    session: Session, entity_id: int, relations: Iterable[tuple[str, str, str]], tags: Iterable[str]
) -> None:
    """Set what a document says about relations (src, type, target) and tags."""
    session.execute(delete(RelationRow).where(RelationRow.entity_id == entity_id))
    session.execute(delete(TagRow).where(TagRow.entity_id == entity_id))
    session.add_all(RelationRow(entity_id=entity_id, src=s, type=t, target=o) for s, t, o in dict.fromkeys(relations))
    session.add_all(TagRow(entity_id=entity_id, tag=tag) for tag in dict.fromkeys(tags))
    session.flush()


def relations(session: Session, refs: Iterable[str]) -> list[tuple[str, str, str]]:
    """(src, type, target) of some entities, sorted by all three, without repetitions."""
    columns = (RelationRow.src, RelationRow.type, RelationRow.target)
    wanted, found = sorted(set(refs)), []
    for start in range(0, len(wanted), MOST_VALUES):
        part = wanted[start : start + MOST_VALUES]
        rows = session.execute(select(*columns).where(RelationRow.src.in_(part)).distinct())
        found += [(src, type_, target) for src, type_, target in rows]
    return sorted(found)


def groups_of(session: Session, user_ref: str) -> list[str]:
    """Refs of the groups of a user and of all groups above, sorted; only documents of people and groups count."""
    said_by = select(EntityRow.id).where(EntityRow.kind.in_(("User", "Group")))
    direct = (
        select(RelationRow.target.label("ref"))
        .where(RelationRow.src == user_ref, RelationRow.type == "memberOf", RelationRow.entity_id.in_(said_by))
        .cte("groups", recursive=True)
    )
    above = (
        select(RelationRow.target)
        .join(direct, and_(RelationRow.src == direct.c.ref, RelationRow.type == "childOf"))
        .where(RelationRow.entity_id.in_(said_by))
    )
    groups = direct.union(above)
    return list(session.scalars(select(groups.c.ref).distinct().order_by(groups.c.ref)))


def locations(session: Session) -> list[LocationRow]:
    """All locations by target."""
    return list(session.scalars(select(LocationRow).order_by(LocationRow.target)))


def locations_below(session: Session, prefix: str) -> list[LocationRow]:
    """Locations whose target begins with `prefix`."""
    return list(session.scalars(select(LocationRow).where(LocationRow.target.startswith(prefix, autoescape=True))))


def read_below(session: Session, prefix: str) -> list[EntityRow]:
    """Entities that lie in a file whose address begins with `prefix`, or came by a location whose target does."""
    rows = select(EntityRow).where(_read_below(prefix)).order_by(EntityRow.ref)
    return list(session.scalars(rows))


def locations_reading(session: Session, prefix: str, *, granted: bool = False) -> list[LocationRow]:
    """Locations whose target begins with `prefix`, or that name a file there; only the granted ones when asked."""
    reads = select(EntityRow.location_id).where(_read_below(prefix))
    below = LocationRow.target.startswith(prefix, autoescape=True)
    rows = select(LocationRow).where(or_(below, LocationRow.id.in_(reads))).order_by(LocationRow.target)
    if granted:
        rows = rows.where(LocationRow.granted)
    return list(session.scalars(rows))


def _read_below(prefix: str) -> ColumnElement[bool]:
    file = EntityRow.doc[("metadata", "annotations", MANAGED)].as_string()
    below = select(LocationRow.id).where(LocationRow.target.startswith(prefix, autoescape=True))
    return or_(file.startswith(f"url:{prefix}", autoescape=True), EntityRow.location_id.in_(below))


def location(session: Session, location_id: str) -> LocationRow | None:
    """A location by its id."""
    return session.get(LocationRow, location_id)


def location_of(session: Session, target: str) -> LocationRow | None:
    """A location by its target."""
    return session.scalar(select(LocationRow).where(LocationRow.target == target))


def entity_counts(session: Session) -> dict[str, int]:
    """Number of entities per location id."""
    rows = select(EntityRow.location_id, func.count()).group_by(EntityRow.location_id)
    return {str(location_id): number for location_id, number in session.execute(rows)}


def history(session: Session, ref: str, limit: int) -> list[HistoryRow]:
    """What happened to the entities of one ref, newest first."""
    rows = select(HistoryRow).where(HistoryRow.ref == ref).order_by(HistoryRow.at.desc(), HistoryRow.id.desc())
    return list(session.scalars(rows.limit(limit)))


def revision(session: Session) -> int:
    """How often documents changed in this database."""
    return session.scalar(select(RevisionRow.value).where(RevisionRow.id == 1)) or 0


def raise_revision(session: Session) -> None:
    """Count one change of documents, in the transaction that makes it."""
    raised = session.execute(update(RevisionRow).where(RevisionRow.id == 1).values(value=RevisionRow.value + 1))
    if not raised.rowcount:  # type: ignore[attr-defined]
        add(session, RevisionRow(id=1, value=1))


def related_to(session: Session, refs: Sequence[str], types: Sequence[str]) -> list[tuple[str, str, str]]:
    """Relations of the given types that begin or end at one of `refs`."""
    columns = (RelationRow.src, RelationRow.type, RelationRow.target)
    touches = or_(RelationRow.src.in_(refs), RelationRow.target.in_(refs))
    rows = select(*columns).where(touches, RelationRow.type.in_(types)).distinct().order_by(*columns)
    return [(src, type_, target) for src, type_, target in session.execute(rows)]

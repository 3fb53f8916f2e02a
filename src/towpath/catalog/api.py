"""The catalog's REST API at Backstage's addresses; stored documents are passed on as they are."""

import base64
import binascii
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from towpath.catalog import filters, service
from towpath.kit import db
from towpath.kit.errors import Invalid
from towpath.kit.web import Reading, Unit, Writing, actor_of, database_of, permit
from towpath.sdk.types import EntityView

router = APIRouter(prefix="/api/catalog", tags=["catalog"])
own = APIRouter(prefix="/api/v1/entities", tags=["catalog"])


class ByRefs(BaseModel):
    """Refs to look up, and which fields to give."""

    entityRefs: list[str] = Field(max_length=5000)  # noqa: N815
    fields: list[str] = []


class NewLocation(BaseModel):
    """A location to register."""

    type: str = Field("url", examples=["url"])
    target: str = Field(examples=["https://example.org/catalog-info.yaml"])


class Refresh(BaseModel):
    """The entity whose location is read again."""

    entityRef: str  # noqa: N815


def _json(value: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, headers, media_type="application/json")


def _full(unit: Unit, entities: list[EntityView]) -> list[dict[str, Any]]:
    """Documents as the peer gives them: with their relations, all read in one query."""
    related = service.relations_of(unit.session, [one.ref for one in entities])
    return [
        {**one.doc, "relations": [{"type": t, "targetRef": ref} for t, ref in related.get(one.ref, [])]}
        for one in entities
    ]


def _picked(documents: list[dict[str, Any]], fields: str) -> list[dict[str, Any]]:
    return [filters.pick(one, _fields(fields)) for one in documents]


def _found(unit: Unit, texts: list[str], term: str = "", keys: list[str] | None = None) -> list[dict[str, Any]]:
    wanted = filters.parse(texts)
    documents = _full(unit, service.everything(unit.session, filters.kinds_named(wanted)))
    found = [one for one in documents if filters.matches(one, wanted)]
    if not term:
        return found
    looked = [key.lower() for key in keys or ["metadata.uid"]]
    return [one for one in found if any(k in looked and term.lower() in v.lower() for k, v in filters.flat(one))]


class Listing(BaseModel):
    """What `GET /entities` takes."""

    filter: list[str] = []
    fields: str = ""
    order: list[str] = Field([], examples=[["asc:metadata.name"]])
    limit: int | None = Field(None, ge=1)
    offset: int = Field(0, ge=0, le=2**53)


class Asked(BaseModel):
    """What `GET /entities/by-query` takes; `cursor` carries all of it but `limit` and `fields`."""

    filter: list[str] = []
    fields: str = ""
    limit: int = Field(200, ge=0, le=5000)
    offset: int = Field(0, ge=0, le=2**53)
    cursor: str = ""
    order: str = Field("", alias="orderField", examples=["metadata.name,asc"])
    term: str = Field("", alias="fullTextFilterTerm")
    keys: str = Field("", alias="fullTextFilterFields")


@router.get("/entities", dependencies=[permit("catalog.read")])
def entities(unit: Reading, wish: Annotated[Listing, Query()]) -> Response:
    """All entities that meet any filter, by `order` and else by ref; `limit` and `offset` give a part."""
    orders = [(field, direction) for direction, _, field in (one.partition(":") for one in wish.order)]
    found = filters.ordered(_found(unit, wish.filter), orders)[wish.offset :]
    return _json(_picked(found[: wish.limit], wish.fields))


@router.get("/entities/by-query", dependencies=[permit("catalog.read")])
def by_query(unit: Reading, wish: Annotated[Asked, Query()]) -> Response:
    """A page of entities with the number of all; continue with `cursor`."""
    if wish.cursor:
        wish = wish.model_copy(update=_opened(wish.cursor))
    found = _ordered(_found(unit, wish.filter, wish.term, _fields(wish.keys)), wish.order)
    state = wish.model_dump(include={"filter", "order", "term", "keys"})
    after, pages = wish.offset + wish.limit, {}
    if wish.limit and after < len(found):
        pages["nextCursor"] = _closed({**state, "offset": after})
    if wish.offset > 0:
        pages["prevCursor"] = _closed({**state, "offset": max(0, wish.offset - wish.limit)})
    items = _picked(found[wish.offset : after], wish.fields)
    return _json({"items": items, "totalItems": len(found), "pageInfo": pages})


def _ordered(found: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    field, _, direction = order.partition(",")
    if not field:
        return found
    having = [one for one in found if filters.value_at(one, field) is not None]
    return filters.ordered(having, [(field, direction or "asc")])


def _fields(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _closed(state: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(state)).decode()


class Cursor(BaseModel):
    """What a cursor carries."""

    filter: list[str]
    order: str
    term: str
    keys: str
    offset: int = Field(ge=0, le=2**53)


def _opened(cursor: str) -> dict[str, Any]:
    try:
        return Cursor.model_validate_json(base64.urlsafe_b64decode(cursor)).model_dump()
    except (binascii.Error, ValueError) as error:
        raise Invalid("the cursor is not one of ours", hint="begin again without a cursor") from error


@router.post("/entities/by-refs", dependencies=[permit("catalog.read")])
def by_refs(unit: Reading, wish: ByRefs) -> Response:
    """Entities in the order of the refs asked for; null where there is none."""
    refs = [_canonical(ref) for ref in wish.entityRefs]
    views = service.get_many(unit.session, refs)
    found = dict(zip(views, _full(unit, list(views.values())), strict=True))
    return _json({"items": [filters.pick(found[ref], wish.fields) if ref in found else None for ref in refs]})


def _canonical(ref: str) -> str:
    try:
        return service.canonical(ref)
    except Invalid:  # what is not a ref names no entity
        return ref


@router.get("/entities/by-name/{kind}/{namespace}/{name}", dependencies=[permit("catalog.read")])
def by_name(unit: Reading, kind: str, namespace: str, name: str) -> Response:
    """One entity; upper and lower case are the same."""
    return _json(_full(unit, [service.get(unit.session, f"{kind}:{namespace}/{name}")])[0])


@router.get("/entities/by-uid/{uid}", dependencies=[permit("catalog.read")])
def by_uid(unit: Reading, uid: str) -> Response:
    """One entity by its uid."""
    return _json(_full(unit, [service.by_uid(unit.session, uid)])[0])


@router.get("/entity-facets", dependencies=[permit("catalog.read")])
def facets(
    unit: Reading,
    facet: Annotated[list[str], Query()],
    filter: Annotated[list[str], Query()] = [],  # noqa: B006 (FastAPI copies it)
) -> Response:
    """Values of some fields with their counts."""
    found = _found(unit, filter)
    counts: dict[str, dict[str, int]] = {key: {} for key in facet}
    for one in found:
        for key, value in filters.flat(one):
            for asked in facet:
                if key == asked.lower():
                    counts[asked][value] = counts[asked].get(value, 0) + 1
    listed = {key: [{"value": v, "count": n} for v, n in sorted(values.items())] for key, values in counts.items()}
    return _json({"facets": listed})


@router.get("/locations", dependencies=[permit("catalog.read")])
def locations(unit: Reading) -> Response:
    """All registered locations, each wrapped in `data` as the peer does."""
    rows = [row for row, _ in service.locations(unit.session)]
    return _json([{"data": {"id": row.id, "type": row.type, "target": row.target}} for row in rows])


@router.post("/locations", status_code=201, dependencies=[permit("catalog.register")])
def add_location(request: Request, wish: NewLocation) -> Response:
    """Register a location; its files are read before any session opens."""
    if wish.type != "url":
        raise Invalid(f"locations of type '{wish.type}' are not registered here", hint="use type 'url'")
    url, database = f"url:{wish.target}", database_of(request)
    files = service.fetch_outside(database, url)
    with db.write(database) as session:
        made = service.register(session, actor_of(request), url, files=files)
        row = service.location_named(session, url)
        location = {"id": row.id if row else "", "type": "url", "target": wish.target}
    return _json({"location": location, "entities": [one.doc for one in made]}, status=201)


@router.get("/locations/{location_id}", dependencies=[permit("catalog.read")])
def location(unit: Reading, location_id: str) -> Response:
    """One location."""
    row = service.location(unit.session, location_id)
    return _json({"id": row.id, "type": row.type, "target": row.target})


@router.delete("/locations/{location_id}", status_code=204, dependencies=[permit("catalog.register")])
def remove_location(unit: Writing, location_id: str) -> Response:
    """Unregister a location with its entities."""
    service.unregister(unit.session, unit.actor, location_id)
    return Response(status_code=204)


@router.post("/refresh", dependencies=[permit("catalog.register")])
def refresh(request: Request, wish: Refresh) -> Response:
    """Read the location of an entity again."""
    database = database_of(request)
    with db.read(database) as session:
        url = service.origin(service.get(session, wish.entityRef))
    files = service.fetch_outside(database, url)
    with db.write(database) as session:
        service.refresh_files(session, actor_of(request), url, files)
    return Response(status_code=200)


class Validate(BaseModel):
    """An entity to check, and where it would come from."""

    entity: dict[str, Any]
    location: str = Field(examples=["url:https://example.org/catalog-info.yaml"])


@router.post("/validate-entity", dependencies=[permit("catalog.register")])
def validate_entity(wish: Validate) -> Response:
    """Check an entity without keeping it: 200 when it is valid, else 400 with every problem."""
    problems = service.validate(wish.entity, wish.location)
    errors = [{"name": "InputError", "message": str(one), **one.as_dict()} for one in problems]
    return _json({"errors": errors}, status=400) if errors else Response(status_code=200)


class DeletionStarted(BaseModel):
    """The run that takes the entity away."""

    run: str


@own.delete("/{kind}/{namespace}/{name}", status_code=202, dependencies=[permit("catalog.delete")])
def delete(unit: Writing, kind: str, namespace: str, name: str, confirm: str) -> DeletionStarted:
    """Delete an entity with everything it owns; `confirm` is its name. Follow the run."""
    return DeletionStarted(run=service.delete(unit.session, unit.actor, f"{kind}:{namespace}/{name}", confirm).id)


class RemovalOut(BaseModel):
    """What deleting takes away in one capability."""

    id: str
    title: str
    items: list[str]
    blocked: str = Field("", description="Why it cannot go now and what to do first; the deletion is refused with it.")


@own.get("/{kind}/{namespace}/{name}/removals", dependencies=[permit("catalog.read")])
def removals(unit: Reading, kind: str, namespace: str, name: str) -> list[RemovalOut]:
    """What deleting the entity would take away."""
    entity = service.get(unit.session, f"{kind}:{namespace}/{name}")
    return [
        RemovalOut(id=one.id, title=one.title, items=list(one.items), blocked=one.blocked)
        for one in service.removals(unit.session, entity)
    ]

"""Pages of the catalog: the list with facets, an entity, its history, registering, locations, deleting."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from towpath.catalog import kinds, service
from towpath.catalog.service import Filter
from towpath.kit import db
from towpath.kit.errors import TowpathError
from towpath.kit.web import Reading, Writing, actor_of, database_of, permit
from towpath.sdk import plugins
from towpath.sdk.types import Card, EntityView, SourceFile, Tab
from towpath.ui import format as formats
from towpath.ui import service as ui

router = APIRouter(prefix="/catalog", include_in_schema=False)
FIELDS = ("kind", "type", "owner", "lifecycle", "system", "tag")
HIDDEN = ("Location",)
FIRST = ("Component", "API", "Resource", "System", "Domain", "Group", "User", "Template")
"""Kinds that stand in a row, in this order; those of the platform itself are behind "More"."""


def _filter(request: Request) -> Filter:
    query = request.query_params
    found = {field: tuple(value for value in query.getlist(field) if value) for field in FIELDS}
    return Filter(**found, text=query.get("text", ""))


@router.get("", dependencies=[permit("catalog.read")])
def list_page(unit: Reading) -> Response:
    """Facets left, table right; every choice is in the address."""
    wanted = _filter(unit.request)
    if not wanted.kind and "kind" not in unit.request.query_params and not wanted.text:
        wanted = Filter(**{**vars(wanted), "kind": ("Component",)})
    page = service.list_entities(unit.session, wanted, limit=50, cursor=unit.request.query_params.get("cursor"))
    facets = service.facets(unit.session, wanted)
    counts = {value: count for value, count in facets["kind"] if value not in HIDDEN}
    shown = [one for one in FIRST if one in counts] + [one for one in wanted.kind if one not in FIRST]
    context: dict[str, Any] = {
        "page": page,
        "facets": facets,
        "shown": [(one, counts.get(one, 0)) for one in shown],
        "more": sorted((value, count) for value, count in counts.items() if value not in shown),
        "wanted": wanted,
        "fields": FIELDS,
        "next": _next(unit.request, page.next),
    }
    if unit.request.headers.get("hx-target", "").endswith("catalog-list"):
        return ui.fragment(unit.request, "catalog/results.html", **context)
    return ui.page(unit.request, "catalog/list.html", title="Catalog", **context)


def _next(request: Request, cursor: str | None) -> str | None:
    return str(request.url.include_query_params(cursor=cursor).query) if cursor else None


@router.get("/register", dependencies=[permit("catalog.register")])
def register_page(request: Request, url: str = "") -> Response:
    """The form to register a location."""
    return ui.page(request, "catalog/register.html", title="Register", url=url, error=None)


@router.post("/register", dependencies=[permit("catalog.register")])
def register(request: Request, url: Annotated[str, Form()], granted: Annotated[bool, Form()] = False) -> Response:
    """Register, granted at once when one who may says so; or show every problem with file, line and column."""
    target, database = url if url.startswith("url:") else f"url:{url.strip()}", database_of(request)
    try:
        files = service.fetch_outside(database, target)
        with db.write(database) as session:
            made = service.register(session, actor_of(request), target, files=files, granted=granted)
    except TowpathError as error:
        return ui.page(request, "catalog/register.html", status=error.status, title="Register", url=url, error=error)
    first = next((one for one in made if one.kind != "Location"), made[0])
    return RedirectResponse(first.path, 303)


@router.get("/locations", dependencies=[permit("catalog.read")])
def locations_page(unit: Reading) -> Response:
    """Where documents come from, and what is wrong with them."""
    return ui.page(unit.request, "catalog/locations.html", title="Locations", locations=service.locations(unit.session))


@router.post("/locations/{location_id}/unregister", dependencies=[permit("catalog.register")])
def unregister(unit: Writing, location_id: str) -> Response:
    """Take a location out with its entities."""
    service.unregister(unit.session, unit.actor, location_id)
    return RedirectResponse("/catalog/locations", 303)


@router.post("/locations/{location_id}/refresh", dependencies=[permit("catalog.register")])
def refresh(request: Request, location_id: str) -> Response:
    """Read a location again."""
    url, files = _read_again(request, location_id)
    with db.write(database_of(request)) as session:
        service.refresh_files(session, actor_of(request), url, files)
    return RedirectResponse("/catalog/locations", 303)


@router.post("/locations/{location_id}/grant", dependencies=[permit("catalog.grant")])
def grant(request: Request, location_id: str, granted: Annotated[bool, Form()]) -> Response:
    """Let a location supply platform kinds, templates, people and groups, or no longer."""
    _, files = _read_again(request, location_id)
    with db.write(database_of(request)) as session:
        service.grant(session, actor_of(request), location_id, files, granted=granted)
    return RedirectResponse("/catalog/locations", 303)


def _read_again(request: Request, location_id: str) -> tuple[str, list[SourceFile]]:
    """A location's address and its files, read before the session that writes is opened."""
    database = database_of(request)
    with db.read(database) as session:
        row = service.location(session, location_id)
        url = f"{row.type}:{row.target}"
    return url, service.fetch_outside(database, url)


@router.get("/cards/about", dependencies=[permit("catalog.read")])
def about_card(unit: Reading, entity: str) -> Response:
    """Owner, system, tags, links."""
    found = service.get(unit.session, entity)
    return ui.fragment(
        unit.request, "catalog/about.html", entity=found, related=service.related(unit.session, found.ref)
    )


@router.get("/cards/graph", dependencies=[permit("catalog.read")])
def graph_card(unit: Reading, entity: str, depth: int = 1) -> Response:
    """Relations as a graph with its list."""
    graph = service.graph(unit.session, entity, min(max(depth, 1), 4))
    edges = [
        {"source": one["from"], "target": one["to"], "label": formats.spaced(one["label"])} for one in graph["edges"]
    ]
    nodes = [{**one, "focus": one["root"]} for one in graph["nodes"]]
    return ui.fragment(unit.request, "catalog/graph.html", nodes=nodes, edges=edges, entity=entity, depth=depth)


@router.get("/cards/history", dependencies=[permit("catalog.read")])
def history_card(unit: Reading, entity: str) -> Response:
    """What changed, when and by whom."""
    return ui.fragment(unit.request, "catalog/history.html", history=service.history(unit.session, entity, 20))


@router.get("/{namespace}/{kind}/{name}", dependencies=[permit("catalog.read")])
def show(unit: Reading, namespace: str, kind: str, name: str, tab: str = "overview") -> Response:
    """One entity: its head, tabs by hook, cards by hook."""
    entity = service.get(unit.session, f"{kind}:{namespace}/{name}")
    hooks = plugins.call()
    tabs = sorted(plugins.collect(hooks.entity_tabs(entity=entity)), key=lambda one: one.order)
    cards = sorted([*_cards(entity), *plugins.collect(hooks.entity_cards(entity=entity))], key=lambda one: one.order)
    actions = sorted(plugins.collect(hooks.entity_actions(entity=entity, actor=unit.actor)), key=lambda one: one.order)
    links = [Tab("overview", "Overview", entity.path, 0)]
    links += [Tab(one.id, one.label, f"{entity.path}?tab={one.id}", one.order) for one in tabs]
    chosen = next((one for one in tabs if one.id == tab), None)
    declared = kinds.all_kinds().get(entity.kind)
    return ui.page(
        unit.request, "catalog/entity.html", title=entity.title, entity=entity, tabs=links, cards=cards, actions=actions,
        chosen=chosen, glyph=declared.icon if declared else "box",
        can_delete=unit.actor.can("catalog.delete") and unit.actor.owns(entity.owner),
    )  # fmt: skip


def _cards(entity: EntityView) -> list[Card]:
    return [
        Card("about", "About", f"/catalog/cards/about?entity={entity.ref}", 10),
        Card("graph", "Relations", f"/catalog/cards/graph?entity={entity.ref}", 30),
        Card("history", "History", f"/catalog/cards/history?entity={entity.ref}", 90),
    ]


@router.get("/{namespace}/{kind}/{name}/delete", dependencies=[permit("catalog.delete")])
def delete_page(unit: Reading, namespace: str, kind: str, name: str) -> Response:
    """What will go, what stays, and the name to type."""
    entity = service.get(unit.session, f"{kind}:{namespace}/{name}")
    service.require_owner(unit.actor, entity)
    found = service.removals(unit.session, entity)
    return ui.page(unit.request, "catalog/delete.html", title=f"Delete {entity.title}", entity=entity, removals=found)


@router.post("/{namespace}/{kind}/{name}/delete", dependencies=[permit("catalog.delete")])
def delete(unit: Writing, namespace: str, kind: str, name: str, confirm: Annotated[str, Form()]) -> Response:
    """Start the deletion, then follow its run."""
    run = service.delete(unit.session, unit.actor, f"{kind}:{namespace}/{name}", confirm)
    return RedirectResponse(f"/runs/{run.id}", 303)

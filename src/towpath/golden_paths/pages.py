"""Pages below /create: the gallery, the wizard with its preview, and the cards of other pages."""

import itertools
import json
import re
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from towpath.golden_paths import service
from towpath.golden_paths.preview import preview
from towpath.golden_paths.service import Offer
from towpath.golden_paths.spec import TemplateStep
from towpath.kit import db
from towpath.kit.errors import Invalid
from towpath.kit.web import Reading, actor_of, database_of, permit
from towpath.sdk.types import Card
from towpath.ui import service as ui

router = APIRouter(prefix="/create", include_in_schema=False)
READ = "golden_paths.read"
_ONE_ANSWER = re.compile(r"\$\{\{\s*parameters\.(\w+)\s*\}\}")
ICONS = {
    "service": "server",
    "website": "globe",
    "library": "package",
    "documentation": "book-open",
    "resource": "database",
}


@dataclass(frozen=True)
class Need:
    """One group of the gallery: what people need, and the paths that give it."""

    title: str
    icon: str
    offers: list[Offer]


@router.get("", dependencies=[permit(READ)])
def gallery(unit: Reading, q: str = "") -> Response:
    """All golden paths grouped by need; `q` keeps those whose words contain it."""
    offers = service.gallery(unit.session)
    chosen = [one for one in offers if _matches(one, q)]
    return ui.page(
        unit.request, "golden_paths/gallery.html", title="Create", needs=_needs(chosen), total=len(offers), q=q,
        broken=[one for one in chosen if one.template is None],
    )  # fmt: skip


@router.get("/templates/{namespace}/{name}", dependencies=[permit(READ)])
def wizard(unit: Reading, namespace: str, name: str) -> Response:
    """The form of one path, with a preview of what it will make."""
    found = service.template(unit.session, f"template:{namespace}/{name}")
    query = f"?{unit.request.url.query}" if unit.request.url.query else ""
    return ui.page(
        unit.request, "golden_paths/wizard.html", title=found.title, template=found,
        schema=service.schema(unit.session, found.ref), can_create=unit.actor.can("golden_paths.create"),
        steps=[(step, _needs_answer(step)) for step in found.spec.steps], subject_field=service.subject_field(found),
        files_card=Card("files", "Files", f"{found.path}/preview{query}"),
    )  # fmt: skip


def _needs_answer(step: TemplateStep) -> str:
    """The answer a step waits for when its condition is exactly one answer; the preview shows it only then."""
    asked = _ONE_ANSWER.fullmatch(step.if_) if isinstance(step.if_, str) else None
    return asked[1] if asked else ""


@router.get("/templates/{namespace}/{name}/preview", dependencies=[permit(READ)])
def preview_fragment(request: Request, namespace: str, name: str) -> Response:
    """What the answers so far would make: steps and files. Holds no session while it renders."""
    ref = database_of(request)
    with db.read(ref) as session:
        found = service.template(session, f"template:{namespace}/{name}")
    values = _answers(request.query_params.get("formData", ""))
    made = preview(found, values, {"ref": actor_of(request).ref}, lambda: db.read(ref))
    return ui.fragment(request, "golden_paths/preview.html", preview=made)


@router.get("/actions", dependencies=[permit(READ)])
def actions(unit: Reading) -> Response:
    """Every action a path may use, with its fields."""
    found = [{"action": one, "fields": _fields(one.takes.model_json_schema())} for one in service.actions().values()]
    return ui.page(unit.request, "golden_paths/actions.html", title="Actions", actions=found)


@router.get("/tasks", dependencies=[permit(READ)])
def tasks(unit: Reading) -> Response:
    """Tasks are runs: their list is the one of runs."""
    del unit
    return RedirectResponse("/runs?kind=task", 303)


@router.get("/tasks/{task_id}", dependencies=[permit(READ)])
def task(unit: Reading, task_id: str) -> Response:
    """The page of a task is the page of its run, with everything it started."""
    return RedirectResponse(f"/runs/{service.task(unit.session, task_id).id}", 303)


@router.get("/cards/home", dependencies=[permit(READ)])
def home_card(unit: Reading) -> Response:
    """The most walked paths."""
    offers = [one for one in service.gallery(unit.session) if one.template]
    best = sorted(offers, key=lambda one: -one.walked)[:4]
    return ui.fragment(unit.request, "golden_paths/home_card.html", offers=best)


@router.get("/cards/finish/{task_id}", dependencies=[permit(READ)])
def finish_card(unit: Reading, task_id: str) -> Response:
    """What a task made: the template's own links first, then what its steps are known to give."""
    run = service.task(unit.session, task_id)
    return ui.fragment(
        unit.request, "golden_paths/finish_card.html", run=run, links=service.links(run), texts=service.texts(run),
        record=service.record_of(unit.session, task_id),
    )  # fmt: skip


def _matches(offer: Offer, q: str) -> bool:
    words = [offer.title, offer.ref]
    if offer.template:
        words += [offer.template.description, offer.template.spec.type, *offer.template.tags]
    return q.strip().lower() in " ".join(words).lower()


def _needs(offers: list[Offer]) -> list[Need]:
    usable = sorted((one for one in offers if one.template), key=_type)
    return [
        Need(type_.replace("-", " ").capitalize(), ICONS.get(type_, "box"), list(group))
        for type_, group in itertools.groupby(usable, key=_type)
    ]


def _type(offer: Offer) -> str:
    return offer.template.spec.type.lower() if offer.template else ""


def _answers(text: str) -> dict[str, Any]:
    """Answers from an address: `?formData=<JSON>`, as bookmarks of Backstage have it; raises Invalid for anything else."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Invalid("the answers in this address cannot be read", hint="open the path again from /create") from error
    if not isinstance(found, dict):
        raise Invalid("the answers in this address are not an object", hint="open the path again from /create")
    return found


def _fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {"name": name, "required": name in required, "about": one.get("description", "")}
        for name, one in schema.get("properties", {}).items()
    ]

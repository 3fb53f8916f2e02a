"""The page of a run: its tree of steps on the left, the log on the right, cards by hook, all of it live."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from towpath.kit.web import Reading, Writing, permit
from towpath.runs import api, service
from towpath.sdk import plugins
from towpath.sdk.types import RunView
from towpath.ui import service as ui

router = APIRouter(prefix="/runs", include_in_schema=False)
PAGE = 50
SHOWN = ("", "running", "waiting", "failed")
"""States that the list can be narrowed to."""
WORST = ("failed", "running", "queued", "waiting")
"""A tree of runs is shown in the first of these states that one of its runs is in."""


@router.get("", dependencies=[permit("runs.read")])
def list_page(unit: Reading, kind: str = "", status: str = "", before: str | None = None) -> Response:
    """All runs, newest first, of one kind or status when asked."""
    wanted = (status,) if status else None
    rows = service.find(unit.session, kind=kind or None, status=wanted, before=before, limit=PAGE)
    kinds = ["", *sorted({job.kind for job in plugins.collect(plugins.call().jobs())})]
    following = _address(kind, status, rows[-1].id) if len(rows) == PAGE else None
    return ui.page(
        unit.request, "runs/list.html", title="Runs", runs=rows, kind=kind, state=status,
        choices=[(one, one.capitalize() or "All", _address(one, status)) for one in kinds],
        states=[(one, one.capitalize() or "Any status", _address(kind, one)) for one in SHOWN],
        following=following,
    )  # fmt: skip


def _address(kind: str, status: str, before: str = "") -> str:
    asked = {"kind": kind, "status": status, "before": before}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/runs?{query}" if query else "/runs"


@router.get("/card", dependencies=[permit("runs.read")])
def card(unit: Reading) -> Response:
    """The home card: what runs now and what ended last, each with the state of all that it started."""
    found = service.find(unit.session, limit=60)
    roots = [one for one in found if one.parent_id is None and one.root_id == one.id][:6]
    states = {one.id: {each.status for each in found if each.root_id == one.id} for one in roots}
    rows = [(one, next((word for word in WORST if word in states[one.id]), one.status)) for one in roots]
    return ui.fragment(unit.request, "runs/card.html", runs=rows)


@router.get("/changes", dependencies=[permit("runs.read")])
async def changes(request: Request) -> StreamingResponse:
    """A stream that says `changed` whenever a run moves: live cards and tabs load again."""
    return api.changes(request)


@router.get("/{run_id}", dependencies=[permit("runs.read")])
def show(unit: Reading, run_id: str) -> Response:
    """One run and everything it started."""
    run = service.get(unit.session, run_id)
    tree = service.tree(unit.session, run_id) if run.root_id == run.id else [run]
    cards = [card for one in reversed(tree) for card in plugins.collect(plugins.call().run_cards(run=one))]
    return ui.page(
        unit.request, "runs/show.html", title=run.title, run=run, runs=tree,
        cards=sorted(cards, key=lambda one: one.order),
    )  # fmt: skip


@router.get("/{run_id}/live", dependencies=[permit("runs.read")])
async def live_page(request: Request, run_id: str) -> StreamingResponse:
    """The page's own stream: the steps and the head as fragments whenever a run changed."""

    def fragments(runs: list[RunView]) -> list[tuple[str, Any]]:
        run = next(one for one in runs if one.id == run_id)
        cards = [card for one in reversed(runs) for card in plugins.collect(plugins.call().run_cards(run=one))]
        context = {"run": run, "runs": runs, "cards": sorted(cards, key=lambda one: one.order)}
        names = ("head", "steps", "cards")
        return [
            ("fragment", {"target": f"#run-{name}", "html": ui.text(request, f"runs/{name}.html", **context)})
            for name in names
        ]

    return await api.follow(request, run_id, fragments)


@router.post("/{run_id}/cancel", dependencies=[permit("runs.cancel")])
def cancel(unit: Writing, run_id: str) -> Response:
    """Stop it, and stay on its page."""
    service.cancel(unit.session, unit.actor, run_id)
    return RedirectResponse(f"/runs/{run_id}", 303)


@router.post("/{run_id}/retry", dependencies=[permit("runs.retry")])
def retry(unit: Writing, run_id: str) -> Response:
    """Try again, and stay on its page."""
    service.retry(unit.session, unit.actor, run_id)
    return RedirectResponse(f"/runs/{run_id}", 303)

"""The Resources tab, and the cards of a deployment's run: its plan and its graph as it is applied."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from towpath.catalog import service as catalog
from towpath.environments import service as environments
from towpath.kit.db import Session
from towpath.kit.errors import NotFound
from towpath.kit.web import Reading, permit
from towpath.orchestrator import service as orchestrator
from towpath.orchestrator.stages.snapshot import component_uid_of
from towpath.runs import service as runs
from towpath.sdk.types import Card, EntityView, Plan, RunView, Tab
from towpath.ui import service as ui

router = APIRouter(include_in_schema=False)


def tabs(entity: EntityView) -> list[Tab]:
    """A component has resources; nothing else has."""
    if entity.kind != "Component":
        return []
    return [Tab("resources", "Resources", f"/tabs/resources?entity={entity.ref}", order=30, live=True)]


def cards(run: RunView) -> list[Card]:
    """The graph of a deployment, as it becomes ready."""
    if run.kind != "deployment":
        return []
    return [Card("graph", "Resources now", f"/cards/graph?run={run.id}", order=25, wide=True)]


@router.get("/tabs/resources", dependencies=[permit("orchestrator.read")])
def resources_tab(unit: Reading, entity: str) -> Response:
    """Resources by environment in order of promotion, with status, driver and outputs."""
    found = catalog.get(unit.session, entity)
    held = orchestrator.resources(unit.session, found.uid)
    order = [one.name for one in environments.all(unit.session)]
    names = sorted(
        {one.environment for one in held}, key=lambda name: (order.index(name) if name in order else 99, name)
    )
    groups = [(name, [_row(one) for one in held if one.environment == name]) for name in names]
    return ui.fragment(unit.request, "orchestrator/resources.html", entity=found, groups=groups)


@router.get("/cards/plan", dependencies=[permit("orchestrator.read")])
def plan_card(unit: Reading, run: str) -> Response:
    """The plan of a run: graph and changes."""
    plan = plan_of(runs.get(unit.session, run))
    return ui.fragment(unit.request, "orchestrator/plan.html", **(orchestrator.drawn(plan) if plan else {"plan": None}))


@router.get("/cards/graph", dependencies=[permit("orchestrator.read")])
def graph_card(unit: Reading, run: str) -> Response:
    """The graph of a run's plan with the status of each resource now."""
    view = runs.get(unit.session, run)
    plan = plan_of(view)
    if plan is None:
        return ui.fragment(unit.request, "orchestrator/graph.html", plan=None, graph=None, rows=[], run=view)
    now = _status(unit.session, plan, view)
    rows = [(node, now[node.uid]) for node in plan.nodes]
    context = {"plan": plan, "graph": orchestrator.graph_of(plan, now), "rows": rows, "run": view}
    return ui.fragment(unit.request, "orchestrator/graph.html", **context)


def plan_of(run: RunView) -> Plan | None:
    """The plan that a run made: the result of its step `plan`, as `orchestrator.as_json` wrote it, alone or under `plan`."""
    result = run.results.get("plan") or run.input.get("plan")
    if not isinstance(result, Mapping):
        return None
    kept = result.get("plan", result)
    return orchestrator.from_json(kept) if isinstance(kept, Mapping) and "nodes" in kept else None


def _status(session: Session, plan: Plan, run: RunView) -> dict[str, str]:
    """Status of each resource in this run: `pending` until this run, or one after it, touched the resource."""
    try:
        rows = orchestrator.resources(session, component_uid_of(plan), plan.environment)
    except NotFound:
        rows = []
    found = {one.uid: one for one in rows}
    started = run.started_at or run.created_at
    return {
        node.uid: found[node.uid].status if node.uid in found and found[node.uid].updated_at >= started else "pending"
        for node in plan.nodes
    }


def _row(one: orchestrator.ResourceView) -> dict[str, Any]:
    outputs = [(name, value) for name, value in sorted(one.outputs.items()) if value is not None]
    return {"resource": one, "outputs": outputs, "hidden": one.secrets, "data": one.stateful}

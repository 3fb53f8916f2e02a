"""The Resources tab, and the cards of a deployment's run: its plan and its graph as it is applied."""

from collections.abc import Mapping, Sequence
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
    return [Tab("resources", "Resources", f"/tabs/resources?entity={entity.ref}", order=30)]


def cards(run: RunView) -> list[Card]:
    """The graph of a deployment, as it becomes ready."""
    if run.kind != "deployment":
        return []
    return [Card("graph", "Resources", f"/cards/graph?run={run.id}", order=20, wide=True)]


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
    return ui.fragment(unit.request, "orchestrator/plan.html", **(plan_context(plan) if plan else {"plan": None}))


@router.get("/cards/graph", dependencies=[permit("orchestrator.read")])
def graph_card(unit: Reading, run: str) -> Response:
    """The graph of a run's plan with the status of each resource now."""
    view = runs.get(unit.session, run)
    plan = plan_of(view)
    if plan is None:
        return ui.fragment(unit.request, "orchestrator/graph.html", plan=None, graph=None, rows=[], run=view)
    now = _status(unit.session, plan, view)
    rows = [(node, now[node.uid]) for node in plan.nodes]
    context = {"plan": plan, "graph": graph_of(plan, now), "rows": rows, "run": view}
    return ui.fragment(unit.request, "orchestrator/graph.html", **context)


def plan_of(run: RunView) -> Plan | None:
    """The plan that a run made: the result of its step `plan`, as `orchestrator.as_json` wrote it, alone or under `plan`."""
    result = run.results.get("plan") or run.input.get("plan")
    if not isinstance(result, Mapping):
        return None
    kept = result.get("plan", result)
    return orchestrator.from_json(kept) if isinstance(kept, Mapping) and "nodes" in kept else None


def plan_context(plan: Plan) -> dict[str, Any]:
    """What `orchestrator/plan.html` needs: the plan, its graph, and its changes as rows."""
    actions = {change.uid: change.action for change in plan.changes}
    nodes = {node.uid: node for node in plan.nodes}
    rows = [
        {
            "uid": one.uid,
            "name": _short(one.uid),
            "action": one.action,
            "details": one.details,
            "node": nodes.get(one.uid),
        }
        for one in plan.changes
    ]
    return {"plan": plan, "graph": graph_of(plan, actions), "rows": rows, "counts": _counts(plan)}


def graph_of(plan: Plan, status: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Nodes and edges for the graph island: what a resource needs stands to its right."""
    gone = [change.uid for change in plan.changes if change.action == "destroy"]
    nodes = [
        {"id": one.uid, "label": one.id, "kind": one.type, "status": status.get(one.uid, "")} for one in plan.nodes
    ]
    nodes += [{"id": uid, "label": _short(uid), "kind": uid.partition(".")[0], "status": "destroy"} for uid in gone]
    edges = [{"from": one.uid, "to": needed, "label": "needs"} for one in plan.nodes for needed in one.depends_on]
    return {"nodes": nodes, "edges": edges}


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


def _counts(plan: Plan) -> list[tuple[str, int]]:
    actions: Sequence[str] = [change.action for change in plan.changes]
    order = ("create", "update", "replace", "destroy", "keep")
    return [(action, actions.count(action)) for action in order if action in actions]


def _short(uid: str) -> str:
    return uid.rpartition(".")[2]


def _row(one: orchestrator.ResourceView) -> dict[str, Any]:
    outputs = [(name, value) for name, value in sorted(one.outputs.items()) if value is not None]
    return {"resource": one, "outputs": outputs, "hidden": one.secrets, "data": one.stateful}

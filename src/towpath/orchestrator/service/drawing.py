"""A plan as pages draw it: rows of changes, and nodes and edges for the graph island."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.sdk.types import Plan


def drawn(plan: Plan) -> dict[str, Any]:
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
    edges = [{"source": one.uid, "target": needed, "label": "needs"} for one in plan.nodes for needed in one.depends_on]
    return {"nodes": nodes, "edges": edges}


def _counts(plan: Plan) -> list[tuple[str, int]]:
    actions: Sequence[str] = [change.action for change in plan.changes]
    order = ("create", "update", "replace", "destroy", "keep")
    return [(action, actions.count(action)) for action in order if action in actions]


def _short(uid: str) -> str:
    return uid.rpartition(".")[2]

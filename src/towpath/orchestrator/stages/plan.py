"""Fourth stage: the graph against what is there becomes changes, and a digest that binds approvals. Pure."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson

from towpath.kit.problems import show
from towpath.orchestrator.stages import workload as service
from towpath.orchestrator.stages.graph import graph
from towpath.orchestrator.stages.load import Workload
from towpath.orchestrator.stages.snapshot import SERVICE, Previous, Snapshot
from towpath.sdk.types import Change, Node, Plan


def plan(workload: Workload, snapshot: Snapshot) -> Plan:
    """Everything that apply will do. The same workload and snapshot always give the same plan and digest.

    Raises Invalid with every problem at once.
    """
    nodes = graph(workload, snapshot)
    changes = changes_of(nodes, snapshot.previous, snapshot.artifact)
    main = next(node for node in nodes if node.type == SERVICE)
    notes = service.notes(workload, main.driver, snapshot.supports.get(main.driver, frozenset()))
    changes = tuple(replace(one, details=(*one.details, *notes)) if one.uid == main.uid else one for one in changes)
    made = Plan(snapshot.component.ref, snapshot.environment.name, snapshot.artifact, nodes, changes, "")
    return replace(made, digest=digest_of(made))


def digest_of(plan: Plan) -> str:
    """SHA-256 in hex over the plan as canonical JSON, without the explanations: why it is so does not change what it is."""
    data = as_json(plan)
    nodes = [{key: value for key, value in node.items() if key != "why"} for node in data["nodes"]]
    content = {**data, "nodes": nodes, "digest": ""}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def changes_of(nodes: Sequence[Node], previous: Sequence[Previous], artifact: str) -> tuple[Change, ...]:
    """One change per node in order, then one per resource that nobody wants any more, by uid."""
    known = {one.uid: one for one in previous}
    changes = [_change(node, known.get(node.uid), artifact) for node in nodes]
    wanted = {node.uid for node in nodes}
    gone = [one for one in sorted(previous, key=lambda one: one.uid) if one.used and one.uid not in wanted]
    return (*changes, *(Change(one.uid, "destroy", tuple(_losses(one))) for one in gone))


def _losses(gone: Previous) -> Iterator[str]:
    if gone.others:
        yield f"stays for {', '.join(gone.others)}"
    elif gone.stateful:
        yield "its data is deleted"


def _change(node: Node, before: Previous | None, artifact: str) -> Change:
    if before is None:
        return Change(node.uid, "create")
    if before.driver != node.driver:
        losses = ("its data is deleted",) if before.stateful else ()
        return Change(node.uid, "replace", (f"driver: '{before.driver}' becomes '{node.driver}'", *losses))
    details = list(_differences(before.params, node.params))
    if before.definition != node.definition:
        details.insert(0, f"definition: '{before.definition}' becomes '{node.definition}'")
    if node.type == SERVICE and before.artifact != artifact:
        details.insert(0, f"artifact: {show(before.artifact or None)} becomes {show(artifact)}")
    if before.status != "ready":
        details.append(f"was {before.status} after the last deployment")
    return Change(node.uid, "update" if details else "keep", tuple(details))


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            inner = f"{path}.{key}" if path else str(key)
            yield from _differences(before.get(key), after.get(key), inner)
    elif before != after:
        yield f"{path}: {show(before)} becomes {show(after)}"


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON, for a run's result, an approval or a page."""
    data: dict[str, Any] = orjson.loads(orjson.dumps(asdict(plan)))
    return data


def from_json(data: Mapping[str, Any]) -> Plan:
    """The plan that `as_json` wrote."""
    nodes = tuple(Node(**{**one, "depends_on": tuple(one["depends_on"])}) for one in data["nodes"])
    changes = tuple(Change(one["uid"], one["action"], tuple(one["details"])) for one in data["changes"])
    return Plan(data["workload"], data["environment"], data["artifact"], nodes, changes, data["digest"])

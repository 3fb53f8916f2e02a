"""Third stage: the workload and its matched resources as nodes in order of provisioning. Pure."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from towpath.kit.errors import Invalid, Problem
from towpath.kit.marks import Path
from towpath.orchestrator.spec import Resource
from towpath.orchestrator.stages import placeholders
from towpath.orchestrator.stages import workload as service
from towpath.orchestrator.stages.load import Workload, find_cycle
from towpath.orchestrator.stages.match import Asked, Matched, context_of, match
from towpath.orchestrator.stages.placeholders import Ref, Resolve
from towpath.orchestrator.stages.snapshot import SERVICE, Snapshot, is_shared, uid_of
from towpath.sdk.types import Node


@dataclass
class _Draft:
    """Nodes by uid, the uid of each resource name, and everything found wrong on the way."""

    workload: Workload
    snapshot: Snapshot
    nodes: dict[str, Node] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    matched: dict[str, Matched] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    service_uid: str = ""


def graph(workload: Workload, snapshot: Snapshot) -> tuple[Node, ...]:
    """All nodes, each after what it depends on, equal ones by uid. Raises Invalid with every problem at once."""
    draft = _Draft(workload, snapshot)
    for name, resource in sorted(workload.score.resources.items()):
        _add_resource(draft, name, resource)
    _add_service(draft)
    draft.problems += _unknown_outputs(draft)
    if not draft.problems:
        _name_once(draft)
        draft.nodes = {uid: replace(node, depends_on=_depends_on(draft, node)) for uid, node in draft.nodes.items()}
        draft.problems += _circles(draft)
    if draft.problems:
        raise Invalid(
            f"workload '{workload.name}' cannot be planned for '{snapshot.environment.name}'", problems=draft.problems
        )
    return ordered(draft.nodes)


def asked_for(workload: Workload) -> list[tuple[Asked, Path]]:
    """What looks for a definition, with its place in the file: the resources by name, then the workload itself."""
    resources = sorted(workload.score.resources.items())
    found: list[tuple[Asked, Path]] = [
        (Asked(one.type, one.class_, name, one.id, one.params), ("resources", name, "type")) for name, one in resources
    ]
    container, _ = service.container_of(workload)
    return [*found, (Asked(SERVICE, "default", container, None, {}), ("containers", container))]


def ordered(nodes: Mapping[str, Node]) -> tuple[Node, ...]:
    """Kahn's order, the smallest uid first among those that are ready: the same graph is always walked the same way."""
    waiting = {uid: len(node.depends_on) for uid, node in nodes.items()}
    dependents: dict[str, list[str]] = {uid: [] for uid in nodes}
    for uid, node in nodes.items():
        for needed in node.depends_on:
            dependents[needed].append(uid)
    ready = [uid for uid, count in waiting.items() if not count]
    heapq.heapify(ready)
    found = []
    while ready:
        uid = heapq.heappop(ready)
        found.append(nodes[uid])
        for dependent in dependents[uid]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heapq.heappush(ready, dependent)
    return tuple(found)


def _add_resource(draft: _Draft, name: str, resource: Resource) -> None:
    at = ("resources", name)
    if resource.type == SERVICE:
        hint = "the workload is the service; name another component's address in a variable"
        draft.problems.append(
            draft.workload.problem((*at, "type"), expected="a type of resource", found=f"'{SERVICE}'", hint=hint)
        )
        return
    asked = Asked(resource.type, resource.class_, name, resource.id, _known_metadata(draft.workload, resource.params))
    node = _node(draft, asked, at)
    if node is None:
        return
    draft.names[name] = node.uid
    twin = draft.nodes.setdefault(node.uid, node)
    if twin.params != node.params:
        expected = f"the same params as '{twin.id}', which is the same resource"
        draft.problems.append(draft.workload.problem((*at, "params"), expected=expected, found="other params"))
    draft.problems += _shared_otherwise(draft, node, at)


def _shared_otherwise(draft: _Draft, node: Node, at: Path) -> Iterator[Problem]:
    """A shared resource keeps its params while other components use it: else each deployment would undo the last."""
    if not is_shared(node.uid):
        return
    for before in draft.snapshot.previous:
        if before.uid == node.uid and before.others and dict(before.params) != dict(node.params):
            expected = f"the params that {', '.join(before.others)} gave to this shared resource"
            yield draft.workload.problem((*at, "params"), expected=expected, found="other params")


def _add_service(draft: _Draft) -> None:
    container, _ = service.container_of(draft.workload)
    params = service.params_of(draft.workload, draft.snapshot.component.name)
    asked = Asked(SERVICE, "default", container, None, _known_metadata(draft.workload, params))
    node = _node(draft, asked, ("containers", container))
    if node is None:
        return
    supports = draft.snapshot.supports.get(node.driver, frozenset())
    draft.problems += service.refusals(draft.workload, node.driver, supports)
    draft.nodes[node.uid] = node
    draft.service_uid = node.uid


def _name_once(draft: _Draft) -> None:
    """Write placeholders of two names for one resource with the first name, which is the node's."""
    first = {name: draft.nodes[uid].id for name, uid in draft.names.items()}
    if all(name == id_ for name, id_ in first.items()):
        return

    def renamed(ref: Ref) -> str:
        path = (ref.root, first.get(ref.path[1], ref.path[1]), *ref.path[2:])
        return "${" + ".".join(part.replace(".", "\\.") for part in path) + "}"

    for uid, node in draft.nodes.items():
        draft.nodes[uid] = replace(node, params=placeholders.fill_known(node.params, {"resources": renamed}))


def _node(draft: _Draft, asked: Asked, at: Path) -> Node | None:
    try:
        matched = match(asked, draft.snapshot)
        params = _params(asked, matched, draft.snapshot)
    except Invalid as error:
        place = (*at, "type") if asked.type != SERVICE else at
        inner = error.problems[0].message if error.problems else ""
        message = f"{error.message}: {inner}" if inner else error.message
        draft.problems.append(draft.workload.problem(place, message=message, hint=error.hint))
        return None
    spec = matched.definition.spec
    draft.matched[asked.name] = matched
    uid = uid_of(draft.snapshot, asked.type, asked.class_, asked.name, asked.id)
    return Node(
        uid=uid, type=asked.type, class_=asked.class_, id=asked.name, driver=spec.driver,
        definition=matched.definition.name, why=matched.why, params=params, stateful=spec.stateful,
    )  # fmt: skip


def _known_metadata(workload: Workload, params: Any) -> Any:
    def metadata(ref: Ref) -> Any:
        return placeholders.escaped(placeholders.lookup(workload.metadata, ref.path[1:], ref))

    return placeholders.fill_known(params, {"metadata": metadata})


def _params(asked: Asked, matched: Matched, snapshot: Snapshot) -> dict[str, Any]:
    """Defaults of the definition, then what the workload asks, then what the definition insists on."""
    context = {**context_of(snapshot), "platform": {"hostname": snapshot.hostname}}
    roots: dict[str, Resolve] = {root: _literal_of(values) for root, values in context.items()}
    own = asked.as_context()

    def resource(ref: Ref) -> Any:
        value = placeholders.lookup(own, ref.path[1:], ref)
        return value if ref.path[1:2] == ("params",) else placeholders.escaped(value)

    roots["resource"] = resource
    spec = matched.definition.spec
    try:
        defaults, insisted = (placeholders.fill_known(one, roots) for one in (spec.defaults, spec.params))
    except Invalid as error:
        raise Invalid(f"definition '{matched.definition.name}': {error.message}", hint=error.hint) from error
    return merged(merged(defaults, asked.params), insisted)


def _literal_of(values: Any) -> Resolve:
    return lambda ref: placeholders.escaped(placeholders.lookup(values, ref.path[1:], ref))


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two JSON objects as one: objects merge, everything else of `over` replaces."""
    result = dict(under)
    for key, value in over.items():
        here = result.get(key)
        result[key] = merged(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
    return result


def _depends_on(draft: _Draft, node: Node) -> tuple[str, ...]:
    needed = set()
    for _, ref in placeholders.refs(node.params):
        if ref.root == "resources" and len(ref.path) > 1 and ref.path[1] in draft.names:
            needed.add(draft.names[ref.path[1]])
        elif ref.root == "workload":
            needed.add(draft.service_uid)
        else:
            message = f"definition '{node.definition}': '${{{ref.text}}}' names nothing"
            draft.problems.append(draft.workload.problem((), message=message))
    return tuple(sorted(needed))


def _unknown_outputs(draft: _Draft) -> Iterator[Problem]:
    """Placeholders naming an output that the matched definition does not promise, at the place they are written."""
    score = draft.workload.score
    container, held = service.container_of(draft.workload)
    places: list[tuple[Path, Any]] = [(("containers", container, "variables"), held.variables)]
    places += [(("resources", name, "params"), one.params) for name, one in sorted(score.resources.items())]
    for at, value in places:
        for inner, ref in placeholders.refs(value):
            matched = draft.matched.get(ref.path[1]) if ref.root == "resources" else None
            promised = matched.definition.spec.outputs if matched else []
            if promised and ref.path[2] not in promised:
                hint = f"'{ref.path[1]}' gives: {', '.join(promised)}"
                yield draft.workload.problem(
                    (*at, *inner), expected="an output of the resource", found=f"'${{{ref.text}}}'", hint=hint
                )


def _circles(draft: _Draft) -> Iterator[Problem]:
    cycle = find_cycle({uid: list(node.depends_on) for uid, node in draft.nodes.items()})
    if cycle:
        shown = " -> ".join(draft.nodes[uid].id for uid in cycle)
        yield draft.workload.problem(
            ("resources",), expected="resources that need each other in one direction", found=shown
        )

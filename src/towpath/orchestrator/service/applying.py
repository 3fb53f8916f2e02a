"""Carrying out a plan: node after node, each with its own short writes, so that a repeat goes on where it stopped."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from towpath.kit import clock, events
from towpath.kit.db import Session
from towpath.kit.errors import Conflict, TowpathError, Unavailable
from towpath.kit.jobs import Cancelled, Context
from towpath.orchestrator import queries
from towpath.orchestrator.model import ResourceRow
from towpath.orchestrator.service import leases
from towpath.orchestrator.service.destroying import destroy_old, drop
from towpath.orchestrator.service.planning import drivers, stale
from towpath.orchestrator.service.values import Settled, Values
from towpath.orchestrator.service.views import held
from towpath.orchestrator.stages.snapshot import SERVICE, component_uid_of, is_shared
from towpath.sdk.types import Driver, DriverContext, Got, Node, Plan, Want
from towpath.secrets import service as secrets
from towpath.secrets.service import Secret, SecretRef

ENVIRONMENT = "environment"
_AT_ONCE = 4


@dataclass
class _Work:
    """One apply: what it carries from node to node."""

    plan: Plan
    ctx: Context
    given: Mapping[str, Any]
    run_id: str
    component_uid: str
    drivers: Mapping[str, Driver]
    values: Values = field(default_factory=Values)


def apply(plan: Plan, ctx: Context, given: Mapping[str, Any], *, rollback: bool = False) -> dict[str, Any]:
    """Make a plan so. Returns {"outputs": {uid: {name: value}}, "url": address of the first route or None}.

    Called inside an act's `do`, with no session open; a repeat is safe. Waits for another run in the same environment.
    What is no longer wanted is destroyed after everything else succeeded; in a `rollback` stateful resources stay.
    Raises Conflict for a stale plan, Unavailable when another run is in the way too long, and what a driver raised,
    with the uid of its resource in front.
    """
    component_uid = component_uid_of(plan)
    with leases.held(ctx, leases.keys_of(component_uid, plan.environment, [node.uid for node in plan.nodes])) as run_id:
        with ctx.read() as session:
            if stale(session, plan, run_id=run_id):
                raise Conflict("the resources changed since this plan was made", hint="plan again and compare")
        work = _Work(plan, ctx, given, run_id, component_uid, drivers())
        for level in _levels(plan.nodes):
            _apply_level(work, level)
        for change in plan.changes:
            if change.action == "destroy":
                ctx.check()
                drop(ctx, change.uid, component_uid, run_id, keep_data=rollback)
    outputs = {one.uid: dict(one.outputs) for one in work.values.resources.values()}
    if work.values.workload:
        outputs[work.values.workload.uid] = dict(work.values.workload.outputs)
    routes = [node.uid for node in plan.nodes if node.type == "route"]
    return {"outputs": outputs, "url": outputs[routes[0]].get("url") if routes else None}


def _levels(nodes: Sequence[Node]) -> list[list[Node]]:
    """Nodes by how many others stand before them: those of one level do not need each other."""
    depth: dict[str, int] = {}
    levels: list[list[Node]] = []
    for node in nodes:
        depth[node.uid] = 1 + max((depth[uid] for uid in node.depends_on), default=-1)
        levels.extend([] for _ in range(depth[node.uid] + 1 - len(levels)))
        levels[depth[node.uid]].append(node)
    return levels


def _apply_level(work: _Work, level: Sequence[Node]) -> None:
    """Apply the nodes of one level side by side; all of them end before the first failure is raised."""
    work.ctx.check()
    if len(level) == 1:
        work.values.settle(level[0], _apply(work, level[0]))
        return
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="apply") as pool:
        started = [(node, pool.submit(_apply, work, node)) for node in level]
    for node, future in started:
        work.values.settle(node, future.result())


def _apply(work: _Work, node: Node) -> Settled:
    work.ctx.check()
    began = time.monotonic()
    work.ctx.log(f"{node.type} {node.id}: applying with {node.driver}")
    try:
        driver = work.drivers.get(node.driver)
        if driver is None:
            raise Unavailable(f"the driver '{node.driver}' is not installed", hint="install the plugin that has it")  # noqa: TRY301
        with work.ctx.read() as session:
            row = queries.get(session, node.uid)
            old = held(row) if row is not None and row.driver != node.driver else None
        if old is not None:
            destroy_old(work.ctx, old)
        with work.ctx.write() as session:
            before, kept = _begin(session, work, node)
        want = Want(node.uid, node.type, work.values.params(node), before, node.class_)
        got = driver.apply(want, _driver_context(work, node, kept))
        with work.ctx.write() as session:
            settled = _settle(session, work, node, got, kept)
    except Cancelled:
        _fail(work, node, "cancelled")
        raise
    except Exception as error:
        message = work.values.redacted(
            error.message if isinstance(error, TowpathError) else f"{type(error).__name__}: {error}"
        )
        _fail(work, node, message)
        work.ctx.log(f"{node.type} {node.id}: failed after {time.monotonic() - began:.2f} s: {message}")
        work.ctx.check()  # a driver that stopped because it was told to is no failure of the run
        kind = type(error) if isinstance(error, TowpathError) else Unavailable
        hint = error.hint if isinstance(error, TowpathError) else ""
        problems = error.problems if isinstance(error, TowpathError) else ()
        raise kind(f"{node.type} {node.id}: {message}", hint=hint, problems=problems) from error
    work.ctx.log(f"{node.type} {node.id}: ready in {time.monotonic() - began:.2f} s")
    return settled


def _driver_context(work: _Work, node: Node, kept: Mapping[str, Secret]) -> DriverContext:
    return DriverContext(
        log=work.ctx.log, key=f"{work.ctx.key}:{node.uid}", organisation=work.ctx.database.name,
        environment=work.plan.environment, given={**work.given, "secrets": kept}, cancelled=work.ctx.cancelled,
    )  # fmt: skip


def _begin(session: Session, work: _Work, node: Node) -> tuple[dict[str, Any], dict[str, Secret]]:
    """Mark the resource as being applied; returns the driver's state and secrets of last time."""
    now = clock.now()
    row = queries.get(session, node.uid) or queries.add(session, ResourceRow(
        uid=node.uid, environment=work.plan.environment, type=node.type, class_=node.class_, name=node.id,
        driver=node.driver, definition=node.definition, status="pending", message="", stateful=node.stateful,
        params=dict(node.params), depends_on=list(node.depends_on), state={}, outputs={}, secret_refs={}, artifact="",
        run_id=work.run_id, version=0, created_at=now, updated_at=now,
    ))  # fmt: skip
    row.status, row.message, row.run_id, row.updated_at = "applying", "", work.run_id, now
    queries.use(session, node.uid, work.component_uid, work.plan.workload)
    if node.type == ENVIRONMENT:
        return dict(row.state), _environment_secrets(session, work)
    refs = {name: SecretRef.of(kept) for name, kept in row.secret_refs.items()}
    return dict(row.state), {name: secrets.resolve(session, ref) for name, ref in refs.items() if ref}


def _environment_secrets(session: Session, work: _Work) -> dict[str, Secret]:
    """Secrets that people keep for the component in this environment; only the resource type `environment` sees them."""
    subject = f"{work.plan.workload}@{work.plan.environment}"
    kept = [one for one in secrets.listed(session, subject) if one.subject == subject]
    return {one.name: secrets.resolve(session, one.ref) for one in kept}


def _settle(session: Session, work: _Work, node: Node, got: Got, kept: Mapping[str, Secret]) -> Settled:
    """Store secrets first, then state, outputs and status in the same transaction."""
    row = queries.get(session, node.uid)
    if row is None:
        raise Conflict(f"'{node.uid}' was destroyed while it was applied")
    refs = {} if node.type == ENVIRONMENT else dict(row.secret_refs)
    for name, value in sorted(got.secrets.items()):
        refs[name] = secrets.put(session, work.ctx.actor, name, value, subject=subject_of(work, node)).as_json()
    row.secret_refs, row.state, row.outputs = refs, dict(got.state), dict(got.outputs)
    row.params, row.depends_on = dict(node.params), list(node.depends_on)
    row.driver, row.definition, row.stateful = node.driver, node.definition, node.stateful
    row.artifact = work.plan.artifact if node.type == SERVICE else ""
    row.status, row.version, row.updated_at = "ready", row.version + 1, clock.now()
    _tell(session, work, node, "resource.ready")
    known = {**kept, **{name: Secret(value) for name, value in got.secrets.items()}}
    return Settled(node.uid, got.outputs, {name: value for name, value in known.items() if name in refs})


def subject_of(work: _Work, node: Node) -> str:
    """Whose a resource's secrets are: the component's, or the environment's when it is shared."""
    owner = f"environment:default/{work.plan.environment}" if is_shared(node.uid) else work.plan.workload
    return f"{owner}#{node.uid}"


def _fail(work: _Work, node: Node, message: str) -> None:
    with work.ctx.write() as session:
        row = queries.get(session, node.uid)
        if row is not None:
            row.status, row.message, row.updated_at = "failed", message[:2000], clock.now()
            _tell(session, work, node, "resource.failed")


def _tell(session: Session, work: _Work, node: Node, type_: str) -> None:
    data = {"uid": node.uid, "type": node.type, "environment": work.plan.environment, "run": work.run_id}
    events.emit(
        session, type_, work.plan.workload, data, actor=work.ctx.actor.ref, root_id=leases.root_of(session, work.run_id)
    )

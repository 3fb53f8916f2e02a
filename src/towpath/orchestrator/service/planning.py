"""Making plans: read one snapshot, then nothing but pure stages."""

from collections.abc import Mapping
from typing import Any

from towpath.catalog import service as catalog
from towpath.environments.spec import EnvironmentView
from towpath.kit import db
from towpath.kit.db import Session
from towpath.orchestrator import queries
from towpath.orchestrator.stages import plan as stage
from towpath.orchestrator.stages.graph import asked_for
from towpath.orchestrator.stages.load import load
from towpath.orchestrator.stages.match import Candidate, candidates
from towpath.orchestrator.stages.snapshot import Definition, Previous, Snapshot, component_uid_of
from towpath.organisations import service as organisations
from towpath.sdk import plugins
from towpath.sdk.types import Driver, EntityView, Plan

KIND = "ResourceDefinition"
Source = bytes | str | Mapping[str, Any]


def plan(
    session: Session, *, component: EntityView, environment: EnvironmentView, score: Source, artifact: str
) -> Plan:
    """Resolve a workload for an environment. `artifact` is the digest of the bundle; empty for a dry plan.

    Changes nothing. Raises Invalid with all problems, each with file, line and column when `score` is text.
    """
    return stage.plan(load(score), snapshot(session, component, environment, artifact))


def explain(
    session: Session, component: EntityView, environment: EnvironmentView, score: Source
) -> list[tuple[str, list[Candidate]]]:
    """For each resource by name, then the workload: every definition of its type and why it fits or does not.

    The first of each list serves it when it fits, unless the second is as strong: then planning refuses both.
    """
    here = snapshot(session, component, environment, "")
    return [(asked.name, candidates(asked, here)) for asked, _ in asked_for(load(score))]


def snapshot(session: Session, component: EntityView, environment: EnvironmentView, artifact: str) -> Snapshot:
    """Everything that a plan depends on besides the workload, read in one session."""
    definitions = [Definition(one.name, one.spec, one.location) for one in catalog.documents(session, KIND)]
    return Snapshot(
        component=component, environment=environment, artifact=artifact,
        hostname=organisations.hostname_for(db.database(session).name, component.name, environment.name),
        definitions=tuple(definitions), previous=previous(session, component.uid, environment.name),
        supports={one.id: frozenset(getattr(one, "supports", ())) for one in drivers().values()},
    )  # fmt: skip


def previous(session: Session, component_uid: str, environment: str) -> tuple[Previous, ...]:
    """What a component has in an environment, and the shared resources there that it might come to use."""
    rows = queries.of_component(session, component_uid, environment)
    known = {row.uid for row in rows}
    shared = [row for row in queries.shared(session, environment) if row.uid not in known]
    others: dict[str, list[str]] = {}
    for one in queries.users(session, [row.uid for row in (*rows, *shared)]):
        if one.component_uid != component_uid:
            others.setdefault(one.resource_uid, []).append(one.component_ref)
    return tuple(
        Previous(
            row.uid, row.type, row.driver, row.definition, row.params, row.status, row.stateful, row.artifact,
            tuple(others.get(row.uid, ())), row.uid in known,
        )
        for row in (*rows, *shared)
    )  # fmt: skip


def stale(session: Session, plan: Plan, *, run_id: str | None = None) -> bool:
    """Whether the resources changed since the plan was made, so that its changes are no longer what apply would do.

    What the run `run_id` did itself does not count: an apply that is repeated after a crash goes on. Whether documents
    changed is seen by planning again and comparing digests.
    """
    component_uid = component_uid_of(plan)
    before = previous(session, component_uid, plan.environment)
    own = {row.uid for row in queries.by_uids(session, [one.uid for one in before]) if run_id and row.run_id == run_id}
    now = {one.uid: one for one in stage.changes_of(plan.nodes, before, plan.artifact)}
    planned = {one.uid: one for one in plan.changes}
    for uid, change in planned.items():
        if uid in own or (change.action == "destroy" and uid not in now):
            continue
        if uid not in now or now[uid].action != change.action or not set(now[uid].details) <= set(change.details):
            return True
    return bool(set(now) - set(planned) - own)


def drivers() -> dict[str, Driver]:
    """Every installed driver by id."""
    return {one.id: one for one in plugins.collect(plugins.call().resource_drivers())}

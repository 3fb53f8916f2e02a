"""What a deployment's run does: plan, ask the gates, apply, announce; and how its end is recorded."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from towpath.approvals import service as approvals
from towpath.artifacts import service as artifacts
from towpath.catalog import service as catalog
from towpath.deployments import queries
from towpath.deployments.model import Deployment
from towpath.deployments.service.views import get
from towpath.environments import service as environments
from towpath.kit import clock, db, events
from towpath.kit.actor import Actor
from towpath.kit.errors import Conflict, Forbidden, NotFound
from towpath.orchestrator import service as orchestrator
from towpath.repositories import service as repositories
from towpath.sdk import plugins
from towpath.sdk.types import Finding, Plan, RunView, Verdict

RETURNING = ("rollback", "restore")  # what ran here before: no new approval, and stateful resources stay


def source(session: db.Session, component_ref: str) -> str:
    """The repository (uid) that holds a component's workload; raises NotFound."""
    found = repositories.of_component(session, component_ref)
    if found is None:
        raise NotFound(f"no repository of this platform holds '{component_ref}'", hint="publish it from a golden path")
    return found.uid


def score_at(repository: str, commit: str) -> str:
    """The workload specification at a commit; opens no session. Raises NotFound when the repository has none."""
    return repositories.read_file(repository, commit, "score.yaml").decode(errors="replace")


def plan(session: db.Session, component_ref: str, environment: str, digest: str, score: str) -> Plan:
    """What bringing a bundle to an environment would do, from the catalogue as it is in this session."""
    component = catalog.get(session, component_ref)
    if other := queries.namesake(session, component.uid, component.name, environment):
        raise Conflict(
            f"'{component.name}' in {environment} is '{other}' already", hint="rename one: hostnames know no namespace"
        )
    return orchestrator.plan(
        session, component=component, environment=environments.get(session, environment),
        score=score.encode(), artifact=digest,
    )  # fmt: skip


def verdicts(session: db.Session, actor: Actor, made: Plan, reason: str) -> list[Verdict]:
    """Every gate's answer, strictest first: the environment's own rule, then those of the hook `gates`."""
    environment = environments.get(session, made.environment)
    own = Verdict("environment", "allow", f"{environment.title} takes deployments without approval")
    if reason in RETURNING:
        own = Verdict("environment", "allow", "this release already ran here: bringing it back needs no new approval")
    elif environment.approval:
        finding = Finding("approval", f"{environment.title} asks for the approval of somebody else", "info")
        own = Verdict("environment", "ask", f"{environment.title} needs an approval by somebody else", (finding,))
    answers = [own, *plugins.collect(plugins.call().gates(session=session, plan=made, actor=actor))]
    return sorted(answers, key=lambda one: ("refuse", "ask", "allow").index(one.answer))


def gate(session: db.Session, run: RunView, score: str) -> bool:
    """Plan again, ask every gate, and say whether to go on; False leaves an open approval bound to the plan's digest.

    Raises Forbidden when a gate or a person refused.
    """
    row = get(session, run.id)
    made = plan(session, row.component_ref, row.environment, row.digest, score)
    answers = verdicts(session, run.actor, made, row.reason)
    row.plan, row.verdicts, row.score = orchestrator.as_json(made), [asdict(one) for one in answers], score
    if answers[0].answer == "refuse":
        raise Forbidden(f"refused by {answers[0].gate}: {answers[0].why}", hint="see the findings of the plan")
    if answers[0].answer == "ask" and not approvals.granted(session, run.id, made.digest):
        if refusal := approvals.refused(session, run.id):
            raise Forbidden(f"refused by {refusal.decided_by}", hint=refusal.comment or "ask them why")
        row.status = "waiting"
        approvals.request(
            session, subject=row.component_ref, title=run.title, digest=made.digest, rule=answers[0].why,
            requested_by=run.actor, run_id=run.id, root_id=run.root_id,
        )  # fmt: skip
        return False
    row.approved_by = next(
        (one.decided_by for one in approvals.of_run(session, run.id) if one.decision == "approved"), None
    )
    row.status = "applying"
    return True


def given(session: db.Session, run: RunView, hostname: str) -> dict[str, Any]:
    """What the orchestrator hands to drivers for this deployment: the bundle's local paths and names."""
    row = get(session, run.id)
    component = catalog.get(session, row.component_ref)
    return {
        "bundle": artifacts.release(session, row.digest), "release": row.id, "component": component.name,
        "environment": row.environment, "hostname": hostname,
    }  # fmt: skip


def settle(session: db.Session, run: RunView, result: Mapping[str, Any]) -> Deployment:
    """Record that the plan was applied and tell everybody."""
    row = get(session, run.id)
    row.status, row.url, row.finished_at = "succeeded", result.get("url"), clock.now()
    type_ = "service.rolledback" if row.reason == "rollback" else "service.deployed"
    data = {
        "deployment": row.id, "environment": row.environment, "digest": row.digest, "commit": row.commit,
        "url": row.url, "reason": row.reason,
    }  # fmt: skip
    events.emit(session, type_, row.component_ref, data, actor=row.actor, root_id=run.root_id)
    return row


def close(session: db.Session, run: RunView) -> None:
    """Record how a deployment's run ended; called for every ending."""
    row = queries.get(session, run.id)
    if row is None or run.status == "succeeded":
        return
    row.status, row.finished_at = run.status, clock.now()
    approvals.withdraw(session, run.id)
    data = {"deployment": row.id, "environment": row.environment, "error": (run.error or {}).get("message", "")}
    events.emit(session, f"deployment.{run.status}", row.component_ref, data, actor=row.actor, root_id=run.root_id)


def forget(session: db.Session, component_uid: str) -> None:
    """Remove the deployments of a component that is being deleted."""
    queries.remove_of(session, component_uid)

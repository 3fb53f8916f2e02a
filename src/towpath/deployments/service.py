"""Use cases of deployments. The plan is made when the digest exists, gated in one transaction, applied by its run."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from towpath.approvals import service as approvals
from towpath.artifacts import service as artifacts
from towpath.audit.service import audited, note
from towpath.catalog import service as catalog
from towpath.deployments import queries
from towpath.deployments.model import Deployment
from towpath.environments import service as environments
from towpath.kit import clock, db, events, ids
from towpath.kit.actor import Actor
from towpath.kit.errors import Conflict, Forbidden, Invalid, NotFound
from towpath.orchestrator import service as orchestrator
from towpath.organisations import service as organisations
from towpath.repositories import service as repositories
from towpath.runs import service as runs
from towpath.runtimes import service as runtimes
from towpath.sdk import plugins
from towpath.sdk.types import EntityView, Finding, Plan, RunView, Verdict

ACTIVE = ("queued", "waiting", "applying")
RETURNING = ("rollback", "restore")  # what ran here before: no new approval, and stateful resources stay
VERBS = {"rollback": "Roll back", "promote": "Promote", "restore": "Bring back"}


@dataclass(frozen=True)
class Cell:
    """One service in one environment: what runs there now and how it does, and what is on its way. Either may be absent.

    `state` is a word of `runtimes.health`, empty when nothing runs; `why` says it in words.
    """

    component: str
    environment: str
    current: Deployment | None
    latest: Deployment | None
    state: str = ""
    why: str = ""

    @property
    def way(self) -> Deployment | None:
        """The deployment that is on its way here."""
        return self.latest if self.latest is not None and self.latest.status in ACTIVE else None


@audited("deployments.deploy")
def ensure(
    session: db.Session,
    actor: Actor,
    component_ref: str,
    environment: str,
    digest: str,
    *,
    commit: str,
    root_id: str | None = None,
    reason: str = "publish",
    parent_id: str | None = None,
) -> Deployment:
    """The deployment of a bundle to an environment: the open or succeeded newest one, else a new one and its run.

    Called twice for one bundle it gives one deployment. A rollback and a repeat after a failure are new attempts.
    """
    component = catalog.get(session, component_ref)
    environments.get(session, environment)
    note(session, subject=component.ref, environment=environment, digest=digest)
    db.alone(session, f"deployment/{component.uid}/{environment}")  # the step that waits and the event come together
    earlier = queries.latest_of(session, component.uid, environment, digest)
    newest = next(iter(queries.find(session, component_uid=component.uid, environment=environment, limit=1)), None)
    settled = earlier is not None and earlier.status in (*ACTIVE, "succeeded")
    if settled and earlier is not None and (earlier.status in ACTIVE or newest is None or newest.id == earlier.id):
        return earlier
    row = Deployment(
        id=ids.uuid7(), component_uid=component.uid, component_ref=component.ref, environment=environment,
        digest=digest, commit=commit, attempt=earlier.attempt + 1 if earlier else 1, reason=reason, status="queued",
        actor=actor.ref, created_at=clock.now(),
    )  # fmt: skip
    return _begin(session, actor, row, root_id=root_id, parent_id=parent_id)


def _begin(
    session: db.Session, actor: Actor, row: Deployment, *, root_id: str | None = None, parent_id: str | None = None
) -> Deployment:
    """Write a deployment and its run, which starts once this is committed."""
    session.add(row)
    session.flush()
    title = f"{VERBS.get(row.reason, 'Deploy')} {row.component_ref.rpartition('/')[2]} to {row.environment}"
    wish = {"environment": row.environment, "digest": row.digest, "commit": row.commit, "reason": row.reason}
    runs.start(
        session, actor, "deployment", title=title, subject=row.component_ref, input=wish,
        root_id=root_id, parent_id=parent_id, run_id=row.id,
    )  # fmt: skip
    return row


@audited("deployments.promote")
def promote(
    session: db.Session, actor: Actor, component_ref: str, source: str, target: str, *, digest: str | None = None
) -> Deployment:
    """Bring what runs in one environment to another; with `digest` only that bundle, the one whose plan was looked at.

    Raises NotFound when nothing runs there, Forbidden, and Conflict when another bundle runs there than the one named,
    or when none is named while a deployment is changing what runs there.
    """
    component = _owned(session, actor, component_ref)
    running = current(session, component.uid, source)
    if running is None:
        raise NotFound(f"nothing of {component.name} runs in {source}", hint="deploy there first")
    if source == target:
        raise Invalid(f"{component.name} runs in {target} already")
    if digest is not None and digest != running.digest:
        raise Conflict(
            f"{source} runs another release by now: {running.commit[:8]}", hint="look at its plan, then promote that"
        )
    coming = applying(session, component.uid, source)
    if digest is None and coming is not None:
        # The edge may answer with the new release already while its deployment is not recorded yet.
        raise Conflict(
            f"{coming.commit[:8]} is taking over in {source}",
            hint=f"wait until that deployment has ended, or name the digest to promote ({running.digest})",
        )
    note(session, source=source)
    return ensure(session, actor, component.ref, target, running.digest, commit=running.commit, reason="promote")


@audited("deployments.rollback")
def rollback(session: db.Session, actor: Actor, deployment_id: str) -> Deployment:
    """Bring back a release that already ran in its environment; needs no new approval, removes no stateful resource.

    Raises Conflict when it never ran there, or runs there now and nothing is about to take its place.
    """
    wanted = get(session, deployment_id)
    component = _owned(session, actor, wanted.component_ref)
    if wanted.status != "succeeded":
        raise Conflict("this release never ran here", hint="choose one that did")
    running = current(session, component.uid, wanted.environment)
    serves = running is not None and running.digest == wanted.digest
    if serves and applying(session, component.uid, wanted.environment) is None:
        raise Conflict(f"this release runs in {wanted.environment} now")
    return ensure(
        session, actor, component.ref, wanted.environment, wanted.digest, commit=wanted.commit, reason="rollback"
    )


@audited("deployments.rollback")
def bring_back(session: db.Session, actor: Actor) -> list[Deployment]:
    """Deploy again what ran everywhere when a backup was made: nothing of it runs after a restore."""
    made = []
    for one in queries.current(session):
        last = queries.latest_of(session, one.component_uid, one.environment, one.digest)
        made.append(_begin(session, actor, Deployment(
            id=ids.uuid7(), component_uid=one.component_uid, component_ref=one.component_ref,
            environment=one.environment, digest=one.digest, commit=one.commit,
            attempt=(last or one).attempt + 1, reason="restore", status="queued", actor=actor.ref,
            created_at=clock.now(),
        )))  # fmt: skip
    return made


@audited("deployments.deploy")
def redeploy(session: db.Session, actor: Actor, deployment_id: str) -> RunView:
    """Try a failed deployment again from the step that failed."""
    return runs.retry(session, actor, get(session, deployment_id).id)


def _owned(session: db.Session, actor: Actor, component_ref: str) -> EntityView:
    component = catalog.get(session, component_ref)
    note(session, subject=component.ref)
    if not actor.owns(component.owner):
        raise Forbidden(f"{component.name} belongs to {component.owner}", hint="ask its owner, or a platform engineer")
    return component


def get(session: db.Session, deployment_id: str) -> Deployment:
    """One deployment; raises NotFound."""
    row = queries.get(session, deployment_id)
    if row is None:
        raise NotFound("there is no such deployment")
    return row


def find(
    session: db.Session, *, component_uid: str | None = None, environment: str | None = None,
    before: str | None = None, limit: int = 50,
) -> list[Deployment]:  # fmt: skip
    """Deployments newest first; page with `before` = the last id seen."""
    return queries.find(session, component_uid=component_uid, environment=environment, before=before, limit=limit)


def current(session: db.Session, component_uid: str, environment: str) -> Deployment | None:
    """What runs in an environment: its newest succeeded deployment."""
    rows = queries.current(session, [component_uid])
    return next((row for row in rows if row.environment == environment), None)


def applying(session: db.Session, component_uid: str, environment: str) -> Deployment | None:
    """The deployment that is changing what runs in an environment right now, the newest if there are several."""
    found = queries.find(session, component_uid=component_uid, environment=environment, status=["applying"], limit=1)
    return next(iter(found), None)


def ahead(session: db.Session, deployment_id: str) -> Deployment | None:
    """The deployment that must end before this one is planned: it changes the same environment, or came first.

    A plan made beside it would be stale when its turn comes. One that waits for an approval is in nobody's way.
    """
    mine = get(session, deployment_id)
    found = queries.find(
        session, component_uid=mine.component_uid, environment=mine.environment, status=["queued", "applying"]
    )
    others = (one for one in found if one.id != mine.id and (one.status == "applying" or one.id < mine.id))
    return next(others, None)


def matrix(session: db.Session, component_uid: str | None = None) -> dict[str, dict[str, Cell]]:
    """Services by environments: {component ref: {environment: Cell}}; environments in their order of promotion."""
    names = [one.name for one in environments.all(session)]
    running = queries.current(session, [component_uid] if component_uid else None)
    latest = queries.find(session, component_uid=component_uid, status=[*ACTIVE, "failed"], limit=200)
    cells: dict[str, dict[str, Cell]] = {}
    for ref in sorted({row.component_ref for row in [*running, *latest]}):
        cells[ref] = {name: Cell(ref, name, None, None) for name in names}
    health = runtimes.health(db.database(session).name)
    for row in running:
        state, why = health.get((row.component_ref.rpartition("/")[2], row.environment), ("stopped", "it does not run"))
        cells[row.component_ref][row.environment] = Cell(row.component_ref, row.environment, row, None, state, why)
    for row in reversed(latest):
        cell = cells[row.component_ref].get(row.environment)
        if cell is not None and (cell.current is None or row.id > cell.current.id):
            cells[row.component_ref][row.environment] = replace(cell, latest=row)
    return cells


# ── plan and gate ─────────────────────────────────────────────────────────────────────────────────────────────────────
def changes(session: db.Session, row: Deployment) -> list[tuple[str, str, str]]:
    """What differs from the deployment that ran before: (what, before, now) for bundle, commit and workload lines."""
    before = next(
        (
            one
            for one in queries.find(session, component_uid=row.component_uid, environment=row.environment, limit=100)
            if one.id < row.id and one.status == "succeeded"
        ),
        None,
    )
    if before is None:
        return [("first release here", "", row.commit[:8])]
    found = [("commit", before.commit[:8], row.commit[:8]), ("bundle", before.digest[:19], row.digest[:19])]
    old, new = (before.score or "").splitlines(), (row.score or "").splitlines()
    lines = [line for line in difflib.unified_diff(old, new, lineterm="", n=0) if line[:3] not in ("---", "+++")]
    found += [
        ("score.yaml", line[1:], "") if line[0] == "-" else ("score.yaml", "", line[1:])
        for line in lines
        if line[0] in "+-"
    ]
    return [one for one in found if one[1] != one[2]]


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


def hosts(session: db.Session, component: EntityView) -> list[str]:
    """The hostnames that a component's deployments claimed, one an environment; what a namesake answers for is not its."""
    return [
        organisations.hostname_for(db.database(session).name, component.name, name)
        for name in queries.environments(session, component.uid)
        if not queries.namesake(session, component.uid, component.name, name)
    ]


def forget(session: db.Session, component_uid: str) -> None:
    """Remove the deployments of a component that is being deleted."""
    queries.remove_of(session, component_uid)


def active(session: db.Session, component_uid: str) -> list[Deployment]:
    """Deployments of a component that have not ended."""
    return queries.find(session, component_uid=component_uid, status=ACTIVE, limit=500)

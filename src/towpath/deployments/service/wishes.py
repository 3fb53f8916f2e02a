"""What people and events ask for: deploy, promote, roll back, bring back, try again. Each is a run of its own."""

from towpath.audit.service import audited, note
from towpath.catalog import service as catalog
from towpath.deployments import queries
from towpath.deployments.model import Deployment
from towpath.deployments.service.views import ACTIVE, applying, current, get
from towpath.environments import service as environments
from towpath.kit import clock, db, ids
from towpath.kit.actor import Actor
from towpath.kit.errors import Conflict, Forbidden, Invalid, NotFound
from towpath.runs import service as runs
from towpath.sdk.types import EntityView, RunView

VERBS = {"rollback": "Roll back", "promote": "Promote", "restore": "Bring back"}


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

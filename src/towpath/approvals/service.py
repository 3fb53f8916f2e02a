"""Asking and deciding. A decision is bound to the digest it was asked for; requester and approver are two accounts."""

from sqlalchemy.orm import Session

from towpath.approvals import queries
from towpath.approvals.model import Approval
from towpath.audit.service import audited, note
from towpath.kit import clock, events, ids
from towpath.kit.actor import Actor
from towpath.kit.errors import Conflict, Forbidden, NotFound


def request(
    session: Session, *, subject: str, title: str, digest: str, rule: str, requested_by: Actor, run_id: str,
    root_id: str | None = None,
) -> Approval:  # fmt: skip
    """Ask for a decision in the caller's transaction; an open request of the same run with another digest is withdrawn.

    `rule` says in words why an approval is needed, `root_id` the tree of runs whose events these are. Returns the open one.
    """
    for earlier in queries.of_run(session, run_id):
        if earlier.decision == "pending" and earlier.digest == digest:
            return earlier
        if earlier.decision == "pending":
            earlier.decision, earlier.decided_at = "withdrawn", clock.now()
    row = Approval(
        id=ids.uuid7(), subject=subject, title=title, digest=digest, rule=rule, run_id=run_id, root_id=root_id,
        requested_by=requested_by.ref, requested_account=requested_by.account_id, requested_at=clock.now(),
        decision="pending",
    )  # fmt: skip
    session.add(row)
    session.flush()
    data = {"approval": row.id, "run": run_id}
    events.emit(session, "approval.requested", subject, data, actor=requested_by.ref, root_id=root_id)
    return row


def granted(session: Session, run_id: str, digest: str) -> bool:
    """Whether somebody approved exactly this digest for this run."""
    return any(one.decision == "approved" and one.digest == digest for one in queries.of_run(session, run_id))


def refused(session: Session, run_id: str) -> Approval | None:
    """The refusal of a run, when there is one."""
    return next((one for one in queries.of_run(session, run_id) if one.decision == "refused"), None)


@audited("approvals.decide")
def decide(session: Session, actor: Actor, approval_id: str, *, approve: bool, comment: str = "") -> Approval:
    """Approve or refuse. Raises Forbidden for the requester's own account (tokens included), Conflict when decided."""
    row = get(session, approval_id, lock=True)
    note(session, subject=row.subject, approval=row.id, approve=approve, digest=row.digest)
    if actor.account_id is None or asked(row, actor):
        raise Forbidden("who asked cannot approve", hint="ask another member with the role to decide")
    if row.decision != "pending":
        raise Conflict(f"this request is {row.decision} already")
    row.decision = "approved" if approve else "refused"
    row.decided_by, row.decided_at, row.comment = actor.ref, clock.now(), comment.strip() or None
    data = {"approval": row.id, "run": row.run_id, "decision": row.decision, "digest": row.digest}
    events.emit(session, "approval.decided", row.subject, data, actor=actor.ref, root_id=row.root_id)
    return row


def asked(row: Approval, actor: Actor) -> bool:
    """Whether an actor asked for this itself, also by a token, or through the run of a push."""
    return actor.ref == row.requested_by or (actor.account_id is not None and actor.account_id == row.requested_account)


def withdraw(session: Session, run_id: str) -> None:
    """Close what a run still asks for, because it ended."""
    for row in queries.of_run(session, run_id):
        if row.decision == "pending":
            row.decision, row.decided_at = "withdrawn", clock.now()


def get(session: Session, approval_id: str, *, lock: bool = False) -> Approval:
    """One approval; raises NotFound."""
    row = queries.get(session, approval_id, lock=lock)
    if row is None:
        raise NotFound("there is no such approval")
    return row


def find(
    session: Session, *, decision: str | None = None, before: str | None = None, limit: int = 50
) -> list[Approval]:
    """Approvals newest first, all or those with one decision."""
    return queries.find(session, decision=decision, before=before, limit=limit)


def of_run(session: Session, run_id: str) -> list[Approval]:
    """What a run asked for, newest first."""
    return queries.of_run(session, run_id)

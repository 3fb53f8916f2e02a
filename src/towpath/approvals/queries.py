"""Queries on approvals."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from towpath.approvals.model import Approval


def get(session: Session, approval_id: str, *, lock: bool = False) -> Approval | None:
    """One approval; `lock` holds it until the transaction ends (PostgreSQL)."""
    return session.get(Approval, approval_id, with_for_update={} if lock else None, populate_existing=lock)


def find(session: Session, *, decision: str | None, before: str | None, limit: int) -> list[Approval]:
    """Approvals newest first; `before` is the last id seen."""
    query = select(Approval).order_by(Approval.id.desc()).limit(limit)
    if decision:
        query = query.where(Approval.decision == decision)
    if before:
        query = query.where(Approval.id < before)
    return list(session.scalars(query))


def of_run(session: Session, run_id: str) -> list[Approval]:
    """Approvals that a run asked for, newest first."""
    return list(session.scalars(select(Approval).where(Approval.run_id == run_id).order_by(Approval.id.desc())))

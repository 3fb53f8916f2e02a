"""Queries on organisations, memberships, hostnames and executors of the control database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from towpath.organisations.model import Executor, Hostname, Membership, Organisation


def all_of(session: Session) -> list[Organisation]:
    """Every organisation in order of creation."""
    return list(session.scalars(select(Organisation).order_by(Organisation.position)))


def get(session: Session, organisation_id: str) -> Organisation | None:
    """One organisation."""
    return session.get(Organisation, organisation_id)


def add(session: Session, organisation_id: str, title: str, at: datetime) -> Organisation:
    """Insert an organisation after the last."""
    last = session.scalar(select(func.max(Organisation.position))) or 0
    row = Organisation(id=organisation_id, title=title, position=last + 1, created_at=at)
    session.add(row)
    session.flush()
    return row


def membership(session: Session, account_id: str, organisation_id: str) -> Membership | None:
    """An account's membership in one organisation."""
    return session.get(Membership, (account_id, organisation_id))


def memberships_of(session: Session, account_id: str) -> list[tuple[Membership, Organisation]]:
    """All memberships of an account with their organisations, oldest organisation first."""
    query = select(Membership, Organisation).join(Organisation).where(Membership.account_id == account_id)
    return [(row[0], row[1]) for row in session.execute(query.order_by(Organisation.position))]


def members(session: Session, organisation_id: str) -> list[Membership]:
    """All members of an organisation by user ref."""
    query = select(Membership).where(Membership.organisation_id == organisation_id).order_by(Membership.user_ref)
    return list(session.scalars(query))


def hostname(session: Session, host: str) -> Hostname | None:
    """The claim on a hostname."""
    return session.get(Hostname, host)


def remove_hostname(session: Session, host: str, organisation_id: str) -> None:
    """Give a claimed hostname back."""
    session.execute(delete(Hostname).where(Hostname.host == host, Hostname.organisation_id == organisation_id))


def beat(session: Session, executor: str, at: datetime) -> None:
    """Say that an executor is alive."""
    session.merge(Executor(id=executor, alive_at=at))


def dead_executors(session: Session, before: datetime) -> list[str]:
    """Executors whose last sign of life is older than `before`; held until the transaction ends (PostgreSQL)."""
    query = select(Executor).where(Executor.alive_at < before).with_for_update(skip_locked=True)
    return [row.id for row in session.scalars(query)]


def remove_executors(session: Session, executors: Sequence[str]) -> None:
    """Take executors off the list."""
    session.execute(delete(Executor).where(Executor.id.in_(executors)))

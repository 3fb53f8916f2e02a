"""Rows of sealed secrets."""

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from towpath.secrets.model import SecretRow

SEPARATORS = "@#"


def get(session: Session, secret_id: str) -> SecretRow | None:
    """One row by id."""
    return session.get(SecretRow, secret_id)


def named(session: Session, subject: str, name: str) -> SecretRow | None:
    """One row by what it is called, locked for a change."""
    return session.scalar(
        select(SecretRow).where(SecretRow.subject == subject, SecretRow.name == name).with_for_update()
    )


def add(session: Session, row: SecretRow) -> None:
    """Insert one row."""
    session.add(row)
    session.flush()


def _under(subject: str) -> list[object]:
    """Conditions for a subject and what is narrower; `autoescape` because names may hold `_`."""
    narrower = [SecretRow.subject.startswith(subject + mark, autoescape=True) for mark in SEPARATORS]
    return [SecretRow.subject == subject, *narrower]


def under(session: Session, subject: str) -> list[SecretRow]:
    """Rows of a subject and of everything narrower, by subject and name."""
    return list(
        session.scalars(select(SecretRow).where(or_(*_under(subject))).order_by(SecretRow.subject, SecretRow.name))
    )


def page(session: Session, after: str, limit: int) -> list[SecretRow]:
    """All rows by id, after the last id seen (keyset)."""
    query = select(SecretRow).where(SecretRow.id > after).order_by(SecretRow.id).limit(limit)
    return list(session.scalars(query))


def remove(session: Session, ids: list[str]) -> int:
    """Delete rows; returns how many there were."""
    result = session.execute(delete(SecretRow).where(SecretRow.id.in_(ids)))
    return int(result.rowcount)


def sealed_under_other(session: Session, kek_id: str, limit: int) -> list[SecretRow]:
    """Rows whose data key another key sealed."""
    query = select(SecretRow).where(SecretRow.kek_id != kek_id).order_by(SecretRow.id).limit(limit).with_for_update()
    return list(session.scalars(query))

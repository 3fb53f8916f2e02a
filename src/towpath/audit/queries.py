"""Reading and appending audit records; nothing updates or deletes one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from towpath.audit.model import AuditRecord


def append(session: Session, record: AuditRecord) -> None:
    """Add one record to the open transaction."""
    session.add(record)
    session.flush()


def newest(session: Session, *, subject: str | None, before: str | None, limit: int) -> list[AuditRecord]:
    """Records newest first; `before` is the id of the last one seen (keyset)."""
    query = select(AuditRecord).order_by(AuditRecord.id.desc()).limit(limit)
    if subject:
        query = query.where(AuditRecord.subject == subject)
    if before:
        query = query.where(AuditRecord.id < before)
    return list(session.scalars(query))

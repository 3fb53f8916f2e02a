"""The audit record."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class AuditRecord(Base):
    """One outermost act. `outcome` is done, refused or failed; `details` hold no secret."""

    __tablename__ = "audit_record"
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    via: Mapped[str]
    act: Mapped[str]
    subject: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    request_id: Mapped[str | None]
    run_id: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_audit_record_at", "at"), Index("ix_audit_record_subject_at", "subject", "at"))

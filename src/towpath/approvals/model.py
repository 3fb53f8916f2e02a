"""The approval table."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class Approval(Base):
    """A request for a decision on exactly what `digest` names. `decision` is pending, approved, refused or withdrawn."""

    __tablename__ = "approval"
    id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    title: Mapped[str]
    digest: Mapped[str]
    rule: Mapped[str]
    run_id: Mapped[str]
    root_id: Mapped[str | None]
    requested_by: Mapped[str]
    requested_account: Mapped[str | None]
    requested_at: Mapped[datetime]
    decision: Mapped[str] = mapped_column(default="pending")
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    comment: Mapped[str | None]
    __table_args__ = (Index("ix_approval_decision_id", "decision", "id"), Index("ix_approval_run_id", "run_id"))

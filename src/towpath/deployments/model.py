"""The deployment table; its run has the steps and the log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base, Json


class Deployment(Base):
    """One attempt to bring one bundle to one environment. `id` is its run's id.

    `reason`: publish, promote or rollback. `status`: queued, waiting, applying, succeeded, failed, cancelled.
    """

    __tablename__ = "deployment"
    id: Mapped[str] = mapped_column(primary_key=True)
    component_uid: Mapped[str]
    component_ref: Mapped[str]
    environment: Mapped[str]
    digest: Mapped[str]
    commit: Mapped[str]
    attempt: Mapped[int]
    reason: Mapped[str]
    status: Mapped[str]
    actor: Mapped[str]
    approved_by: Mapped[str | None]
    score: Mapped[str | None]
    plan: Mapped[dict[str, Any] | None]
    verdicts: Mapped[list[Any] | None] = mapped_column(Json, nullable=True)
    url: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("component_uid", "environment", "digest", "attempt"),
        Index("ix_deployment_component_uid_environment_id", "component_uid", "environment", "id"),
    )

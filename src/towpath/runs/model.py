"""Tables of runs. Golden-path tasks, pipeline runs, deployments and deletions all are rows here."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base

ENDED = ("succeeded", "failed", "cancelled")


class Run(Base):
    """One run. `status`: queued, running, waiting, succeeded, failed, cancelled; `actor` is who wished it, as JSON."""

    __tablename__ = "run"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    subject: Mapped[str]
    status: Mapped[str]
    parent_id: Mapped[str | None]
    root_id: Mapped[str]
    attempt: Mapped[int] = mapped_column(default=1)
    cancelling: Mapped[bool] = mapped_column(default=False)
    input: Mapped[dict[str, Any]]
    output: Mapped[dict[str, Any]]
    error: Mapped[dict[str, Any] | None]
    actor: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_run_root_id", "root_id"),
        Index("ix_run_kind_id", "kind", "id"),
        Index("ix_run_subject_id", "subject", "id"),
        Index("ix_run_status_created_at", "status", "created_at"),
    )


class RunStep(Base):
    """One step of a run and its JSON result; the row that makes a repeated step harmless."""

    __tablename__ = "run_step"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    title: Mapped[str]
    status: Mapped[str]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]


class RunLog(Base):
    """One line of a run's log; `seq` counts from 1 within the run, which one process writes at a time."""

    __tablename__ = "run_log"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str]
    at: Mapped[datetime]
    text: Mapped[str]

"""The jobs and steps of pipeline runs; run, log and stream are those of runs."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class PipelineStep(Base):
    """One step of one job as act reported it. `status` is running, succeeded, failed or skipped."""

    __tablename__ = "pipeline_step"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), primary_key=True)
    job: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    status: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

"""What became of every start of a golden path: enough to offer its upgrades later."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class TaskRecord(Base):
    """One start. `tree` maps each rendered path to its sha256 and stays null, like `entity_ref`, until the path was walked.

    `template_etag` is the digest of the spec as pinned, `template_source` where it was read, `parameters` the answers.
    """

    __tablename__ = "golden_path_task"
    run_id: Mapped[str] = mapped_column(primary_key=True)
    template_ref: Mapped[str]
    template_etag: Mapped[str]
    template_version: Mapped[str]
    template_source: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    tree: Mapped[dict[str, Any] | None]
    tree_digest: Mapped[str | None]
    entity_ref: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    recorded_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_golden_path_task_template_ref", "template_ref"),
        Index("ix_golden_path_task_entity_ref", "entity_ref"),
        Index("ix_golden_path_task_created_at", "created_at"),
    )

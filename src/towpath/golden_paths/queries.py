"""The only SQL of golden paths."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from towpath.golden_paths.model import TaskRecord


def add(session: Session, record: TaskRecord) -> None:
    """Insert the record of a start."""
    session.add(record)
    session.flush()


def get(session: Session, run_id: str) -> TaskRecord | None:
    """The record of one task."""
    return session.get(TaskRecord, run_id)


def page(
    session: Session, *, created_by: Sequence[str] = (), newest_first: bool = True, limit: int = 50, offset: int = 0
) -> tuple[list[TaskRecord], int]:
    """One page of records by the time of their start, and how many there are in all."""
    chosen = select(TaskRecord)
    count = select(func.count()).select_from(TaskRecord)
    if created_by:
        chosen = chosen.where(TaskRecord.created_by.in_(created_by))
        count = count.where(TaskRecord.created_by.in_(created_by))
    order = TaskRecord.run_id.desc() if newest_first else TaskRecord.run_id.asc()
    rows = session.scalars(chosen.order_by(order).limit(limit).offset(offset))
    return list(rows), session.scalar(count) or 0


def of_entity(session: Session, entity_ref: str) -> TaskRecord | None:
    """The newest walked path that made an entity."""
    return session.scalar(
        select(TaskRecord).where(TaskRecord.entity_ref == entity_ref).order_by(TaskRecord.run_id.desc()).limit(1)
    )


def walked(session: Session) -> dict[str, int]:
    """How often each template was walked to its end, by template ref."""
    rows = session.execute(
        select(TaskRecord.template_ref, func.count())
        .where(TaskRecord.recorded_at.is_not(None))
        .group_by(TaskRecord.template_ref)
    )
    return {ref: number for ref, number in rows}

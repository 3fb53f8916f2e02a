"""The only SQL of golden paths."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from towpath.golden_paths.model import TaskRecord
from towpath.runs.model import Run


def add(session: Session, record: TaskRecord) -> None:
    """Insert the record of a start."""
    session.add(record)
    session.flush()


def get(session: Session, run_id: str) -> TaskRecord | None:
    """The record of one task."""
    return session.get(TaskRecord, run_id)


def page(
    session: Session,
    *,
    created_by: Sequence[str] | None,
    status: Sequence[str] | None,
    newest_first: bool,
    limit: int,
    offset: int,
) -> tuple[list[TaskRecord], int]:
    """One page of records by the time of their start, and how many there are in all."""
    where: list[ColumnElement[bool]] = []
    if created_by is not None:
        where.append(TaskRecord.created_by.in_(created_by))
    if status is not None:
        where.append(TaskRecord.run_id.in_(select(Run.id).where(Run.status.in_(status))))
    order = TaskRecord.run_id.desc() if newest_first else TaskRecord.run_id.asc()
    rows = session.scalars(select(TaskRecord).where(*where).order_by(order).limit(limit).offset(offset))
    return list(rows), session.scalar(select(func.count()).select_from(TaskRecord).where(*where)) or 0


def walked(session: Session) -> dict[str, int]:
    """How often each template was walked to its end, by template ref."""
    rows = session.execute(
        select(TaskRecord.template_ref, func.count())
        .where(TaskRecord.recorded_at.is_not(None))
        .group_by(TaskRecord.template_ref)
    )
    return {str(ref): int(number) for ref, number in rows}

"""Queries on runs, steps and log lines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from towpath.runs.model import Run, RunLog, RunStep


def get(session: Session, run_id: str, *, lock: bool = False) -> Run | None:
    """One run; `lock` holds the row until the transaction ends (PostgreSQL)."""
    return session.get(Run, run_id, with_for_update={} if lock else None, populate_existing=lock)


def find(
    session: Session,
    *,
    kind: str | None = None,
    subject: str | None = None,
    status: Sequence[str] | None = None,
    root_id: str | None = None,
    given: Mapping[str, str] | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Run]:
    """Runs newest first, with the texts `given` in their input; `before` is the last id seen (UUIDv7 sorts by time)."""
    query = select(Run).order_by(Run.id.desc()).limit(limit)
    if kind:
        query = query.where(Run.kind == kind)
    if subject:
        query = query.where(Run.subject == subject)
    if status:
        query = query.where(Run.status.in_(status))
    if root_id:
        query = query.where(Run.root_id == root_id)
    for name, text in (given or {}).items():
        query = query.where(Run.input[name].as_string() == text)
    if before:
        query = query.where(Run.id < before)
    return list(session.scalars(query))


def several(session: Session, run_ids: Sequence[str]) -> list[Run]:
    """Runs by id, those that exist, in no order."""
    return list(session.scalars(select(Run).where(Run.id.in_(run_ids))))


def children(session: Session, run_id: str) -> list[Run]:
    """Runs that this run started itself."""
    return list(session.scalars(select(Run).where(Run.parent_id == run_id)))


def steps(session: Session, run_ids: Sequence[str]) -> list[RunStep]:
    """Steps of some runs in their order."""
    query = select(RunStep).where(RunStep.run_id.in_(run_ids)).order_by(RunStep.run_id, RunStep.position)
    return list(session.scalars(query))


def step(session: Session, run_id: str, key: str) -> RunStep | None:
    """One step of a run."""
    return session.get(RunStep, (run_id, key))


def lines(session: Session, run_id: str, *, step: str | None, after: int, limit: int) -> list[RunLog]:
    """Log lines of a run after a sequence number."""
    query = select(RunLog).where(RunLog.run_id == run_id, RunLog.seq > after).order_by(RunLog.seq).limit(limit)
    return list(session.scalars(query.where(RunLog.step == step) if step else query))


def last_line(session: Session, run_id: str) -> int:
    """Sequence number of a run's last line; 0 when it has none."""
    return session.scalar(select(func.max(RunLog.seq)).where(RunLog.run_id == run_id)) or 0


def add_lines(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert many lines at once."""
    session.execute(insert(RunLog), rows)


def trees_about(session: Session, subject: str) -> list[Run]:
    """Every run of each tree in which some run is about a subject."""
    roots = select(Run.root_id).where(Run.subject == subject)
    return list(session.scalars(select(Run).where(Run.root_id.in_(roots))))


def remove(session: Session, run_ids: Sequence[str]) -> None:
    """Forget runs with their steps and lines."""
    for table, column in ((RunLog, RunLog.run_id), (RunStep, RunStep.run_id), (Run, Run.id)):
        session.execute(delete(table).where(column.in_(run_ids)))


def queued_before(session: Session, moment: datetime) -> list[Run]:
    """Queued runs that nobody started in time."""
    return list(session.scalars(select(Run).where(Run.status == "queued", Run.created_at < moment)))

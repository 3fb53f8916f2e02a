"""Queries on pipeline steps."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from towpath.pipelines.model import PipelineStep


def steps(session: Session, run_id: str) -> list[PipelineStep]:
    """Steps of a run in the order in which they began."""
    query = select(PipelineStep).where(PipelineStep.run_id == run_id)
    return list(session.scalars(query.order_by(PipelineStep.started_at, PipelineStep.job, PipelineStep.number)))


def put(session: Session, row: PipelineStep) -> None:
    """Insert or update one step."""
    session.merge(row)


def clear(session: Session, run_id: str) -> None:
    """Forget the steps of an attempt that is repeated."""
    session.execute(delete(PipelineStep).where(PipelineStep.run_id == run_id))

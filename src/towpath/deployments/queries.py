"""Queries on deployments."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from towpath.deployments.model import Deployment


def get(session: Session, deployment_id: str) -> Deployment | None:
    """One deployment."""
    return session.get(Deployment, deployment_id)


def latest_of(session: Session, component_uid: str, environment: str, digest: str) -> Deployment | None:
    """The newest attempt of one bundle in one environment."""
    query = select(Deployment).where(
        Deployment.component_uid == component_uid, Deployment.environment == environment, Deployment.digest == digest
    )
    return session.scalars(query.order_by(Deployment.attempt.desc()).limit(1)).first()


def current(session: Session, component_uids: Sequence[str] | None = None) -> list[Deployment]:
    """The deployment that succeeded last in each component and environment, of all components or of some.

    By the time it ended: an older one that was tried again after a newer one serves.
    """
    place = func.row_number().over(
        partition_by=(Deployment.component_uid, Deployment.environment),
        order_by=(Deployment.finished_at.desc(), Deployment.id.desc()),
    )
    ranked = select(Deployment.id, place.label("place")).where(Deployment.status == "succeeded")
    if component_uids is not None:
        ranked = ranked.where(Deployment.component_uid.in_(component_uids))
    last = ranked.subquery()
    return list(session.scalars(select(Deployment).join(last, last.c.id == Deployment.id).where(last.c.place == 1)))


def find(
    session: Session,
    *,
    component_uid: str | None = None,
    environment: str | None = None,
    status: Sequence[str] | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Deployment]:
    """Deployments newest first; `before` is the last id seen."""
    query = select(Deployment).order_by(Deployment.id.desc()).limit(limit)
    if component_uid:
        query = query.where(Deployment.component_uid == component_uid)
    if environment:
        query = query.where(Deployment.environment == environment)
    if status:
        query = query.where(Deployment.status.in_(status))
    if before:
        query = query.where(Deployment.id < before)
    return list(session.scalars(query))


def namesake(session: Session, component_uid: str, name: str, environment: str) -> str | None:
    """The ref of another component of the same name, in another namespace, that runs or is on its way in an environment."""
    query = select(Deployment.component_ref).where(
        Deployment.component_uid != component_uid,
        Deployment.component_ref.endswith(f"/{name}", autoescape=True),
        Deployment.environment == environment,
        Deployment.status.in_(["queued", "waiting", "applying", "succeeded"]),
    )
    return session.scalar(query.limit(1))


def environments(session: Session, component_uid: str) -> list[str]:
    """The environments that a component was ever meant for, by name."""
    query = select(Deployment.environment).where(Deployment.component_uid == component_uid).distinct()
    return sorted(session.scalars(query))


def remove_of(session: Session, component_uid: str) -> None:
    """Forget the deployments of a deleted component."""
    session.execute(delete(Deployment).where(Deployment.component_uid == component_uid))

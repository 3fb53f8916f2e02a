"""Rows of resources, their users, and the state of environments."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from towpath.kit import clock
from towpath.orchestrator.model import EnvironmentState, ResourceRow, ResourceUse


def get(session: Session, uid: str) -> ResourceRow | None:
    """One resource."""
    return session.get(ResourceRow, uid)


def by_uids(session: Session, uids: Sequence[str]) -> list[ResourceRow]:
    """Resources by uid, those that exist."""
    return list(session.scalars(select(ResourceRow).where(ResourceRow.uid.in_(uids)).order_by(ResourceRow.uid)))


def of_component(session: Session, component_uid: str, environment: str | None = None) -> list[ResourceRow]:
    """Resources that a component uses, by environment and uid."""
    query = (
        select(ResourceRow)
        .join(ResourceUse, ResourceUse.resource_uid == ResourceRow.uid)
        .where(ResourceUse.component_uid == component_uid)
        .order_by(ResourceRow.environment, ResourceRow.uid)
    )
    if environment is not None:
        query = query.where(ResourceRow.environment == environment)
    return list(session.scalars(query))


def shared(session: Session, environment: str) -> list[ResourceRow]:
    """Resources that belong to an environment rather than to one component, by uid."""
    query = select(ResourceRow).where(ResourceRow.environment == environment, ResourceRow.uid.contains("#shared."))
    return list(session.scalars(query.order_by(ResourceRow.uid)))


def users(session: Session, uids: Sequence[str]) -> list[ResourceUse]:
    """Who uses these resources, by resource and component."""
    query = select(ResourceUse).where(ResourceUse.resource_uid.in_(uids))
    return list(session.scalars(query.order_by(ResourceUse.resource_uid, ResourceUse.component_ref)))


def add(session: Session, row: ResourceRow) -> ResourceRow:
    """Insert one resource."""
    session.add(row)
    session.flush()
    return row


def use(session: Session, uid: str, component_uid: str, component_ref: str) -> None:
    """Record that a component uses a resource; a repeat does nothing."""
    session.merge(ResourceUse(resource_uid=uid, component_uid=component_uid, component_ref=component_ref))
    session.flush()


def disuse(session: Session, uid: str, component_uid: str) -> None:
    """Record that a component uses a resource no longer; a repeat does nothing."""
    session.execute(
        delete(ResourceUse).where(ResourceUse.resource_uid == uid, ResourceUse.component_uid == component_uid)
    )


def remove(session: Session, uid: str) -> None:
    """Delete a resource and its uses; a repeat does nothing."""
    session.execute(delete(ResourceUse).where(ResourceUse.resource_uid == uid))
    session.execute(delete(ResourceRow).where(ResourceRow.uid == uid))


def locked_state(session: Session, key: str) -> EnvironmentState:
    """The state row of a key, made when absent, locked until the end of the transaction."""
    if session.get(EnvironmentState, key) is None:
        try:
            with session.begin_nested():
                session.add(EnvironmentState(key=key, version=0, run_id=None, updated_at=clock.now()))
        except IntegrityError:
            session.expire_all()  # another process made it between our two statements
    return session.scalars(
        select(EnvironmentState).where(EnvironmentState.key == key).with_for_update(),
        execution_options={"populate_existing": True},
    ).one()


def forget_states(session: Session, prefix: str) -> None:
    """Delete the states of all keys below a prefix."""
    session.execute(delete(EnvironmentState).where(EnvironmentState.key.startswith(prefix, autoescape=True)))

"""Queries on repositories and recorded refs."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from towpath.repositories.model import Repository, RepositoryRef


def get(session: Session, uid: str) -> Repository | None:
    """A repository by its uid."""
    return session.get(Repository, uid)


def named(session: Session, name: str) -> Repository | None:
    """A repository by its name."""
    return session.scalar(select(Repository).where(Repository.name == name))


def of_component(session: Session, ref: str) -> Repository | None:
    """The repository that holds a component."""
    return session.scalars(select(Repository).where(Repository.component == ref).limit(1)).first()


def everything(session: Session) -> list[Repository]:
    """All repositories by name."""
    return list(session.scalars(select(Repository).order_by(Repository.name)))


def refs(session: Session, uid: str) -> dict[str, RepositoryRef]:
    """Recorded refs by name."""
    return {row.ref: row for row in session.scalars(select(RepositoryRef).where(RepositoryRef.repository_uid == uid))}


def remove(session: Session, uid: str) -> None:
    """Forget a repository and its refs."""
    session.execute(delete(RepositoryRef).where(RepositoryRef.repository_uid == uid))
    session.execute(delete(Repository).where(Repository.uid == uid))

"""Queries on bundles."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from towpath.artifacts.model import Bundle


def get(session: Session, digest: str) -> Bundle | None:
    """A bundle by the digest of its manifest."""
    return session.get(Bundle, digest)


def of_repository(session: Session, repository_uid: str, limit: int = 50) -> list[Bundle]:
    """Bundles of a repository, newest first."""
    query = select(Bundle).where(Bundle.repository_uid == repository_uid).order_by(Bundle.created_at.desc())
    return list(session.scalars(query.limit(limit)))


def newest(session: Session, limit: int = 50) -> list[Bundle]:
    """Bundles of all repositories, newest first."""
    return list(session.scalars(select(Bundle).order_by(Bundle.created_at.desc()).limit(limit)))


def manifests(session: Session, *, without: str) -> list[Bundle]:
    """All bundles except those of one repository, to tell which parts others still name."""
    return list(session.scalars(select(Bundle).where(Bundle.repository_uid != without)))


def layers(session: Session) -> list[str]:
    """Names of the layers that any bundle has."""
    return sorted(session.scalars(select(Bundle.layer).distinct()))


def remove(session: Session, row: Bundle) -> None:
    """Forget one bundle."""
    session.delete(row)

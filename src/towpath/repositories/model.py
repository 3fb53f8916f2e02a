"""Tables of repositories; the contents are Git's."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class Repository(Base):
    """A repository of this platform. `key` names the step that made it: a repeated step finds its own."""

    __tablename__ = "repository"
    uid: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str | None]
    description: Mapped[str]
    default_branch: Mapped[str]
    component: Mapped[str | None]
    key: Mapped[str | None]
    created_at: Mapped[datetime]
    __table_args__ = (Index("ix_repository_component", "component"),)


class RepositoryRef(Base):
    """A branch or tag as it was last recorded; Git's own refs are compared with these."""

    __tablename__ = "repository_ref"
    repository_uid: Mapped[str] = mapped_column(ForeignKey("repository.uid"), primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    commit: Mapped[str]
    recorded_at: Mapped[datetime]

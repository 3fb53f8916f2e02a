"""Tables of artifacts; their bytes lie in the store."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class Bundle(Base):
    """A deployable bundle. `digest` is that of its manifest, which names every part by digest (OCI image manifest)."""

    __tablename__ = "bundle"
    digest: Mapped[str] = mapped_column(primary_key=True)
    repository_uid: Mapped[str]
    commit: Mapped[str]
    branch: Mapped[str]
    run_id: Mapped[str]
    name: Mapped[str]
    version: Mapped[str]
    layer: Mapped[str]
    size_bytes: Mapped[int]
    manifest: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    __table_args__ = (Index("ix_bundle_repository_uid_created_at", "repository_uid", "created_at"),)

"""Tables of what was applied: resources, who uses them, and who works on an environment right now."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class ResourceRow(Base):
    """One resource in one environment. `params` are the plan's, placeholders unresolved, so they hold no secret.

    `status` is pending, applying, ready or failed; a destroyed resource has no row.
    """

    __tablename__ = "resource"
    uid: Mapped[str] = mapped_column(primary_key=True)
    environment: Mapped[str]
    type: Mapped[str]
    class_: Mapped[str] = mapped_column("class")
    name: Mapped[str]
    driver: Mapped[str]
    definition: Mapped[str]
    status: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    stateful: Mapped[bool]
    params: Mapped[dict[str, Any]]
    depends_on: Mapped[list[str]]
    state: Mapped[dict[str, Any]]
    outputs: Mapped[dict[str, Any]]
    secret_refs: Mapped[dict[str, Any]]
    artifact: Mapped[str]
    run_id: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (Index("ix_resource_environment", "environment"),)


class ResourceUse(Base):
    """A component that uses a resource; one that belongs to a component has exactly one, a shared one any number."""

    __tablename__ = "resource_use"
    resource_uid: Mapped[str] = mapped_column(primary_key=True)
    component_uid: Mapped[str] = mapped_column(primary_key=True)
    component_ref: Mapped[str]
    __table_args__ = (Index("ix_resource_use_component_uid", "component_uid"),)


class EnvironmentState(Base):
    """Who works on one component in one environment (or on one shared resource): `run_id` while it does.

    `version` counts how often something was applied or destroyed there.
    """

    __tablename__ = "environment_state"
    key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    run_id: Mapped[str | None]
    updated_at: Mapped[datetime]

"""Tables of the control database about organisations."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import ControlBase


class Organisation(ControlBase):
    """A tenant. `position` 1 is the install's first one, whose services have the short hostnames."""

    __tablename__ = "organisation"
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    position: Mapped[int] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Membership(ControlBase):
    """An account in an organisation, as which user and with which role."""

    __tablename__ = "membership"
    account_id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    user_ref: Mapped[str]
    role: Mapped[int]
    __table_args__ = (Index("uq_membership_user", "organisation_id", "user_ref", unique=True),)


class Hostname(ControlBase):
    """A hostname of one organisation: from a service's first deployment there until its component is deleted."""

    __tablename__ = "hostname"
    host: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    run_id: Mapped[str]
    created_at: Mapped[datetime]


class Executor(ControlBase):
    """A portal process that executes runs, and when it was last alive."""

    __tablename__ = "executor"
    id: Mapped[str] = mapped_column(primary_key=True)
    alive_at: Mapped[datetime]

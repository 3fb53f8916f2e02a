"""Tables of the control database about people and tokens. Secrets are stored as hashes only."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import ControlBase


class Account(ControlBase):
    """A person who signs in with a password (argon2id). `demo` accounts work in demo mode only."""

    __tablename__ = "account"
    id: Mapped[str] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str]
    demo: Mapped[bool] = mapped_column(default=False)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SignInSession(ControlBase):
    """A signed-in browser, by the SHA-256 of its cookie."""

    __tablename__ = "sign_in_session"
    hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    organisation_id: Mapped[str]
    csrf: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiToken(ControlBase):
    """A bearer token of an account in one organisation, by its SHA-256; `scopes` empty means all its role may do."""

    __tablename__ = "api_token"
    id: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    account_id: Mapped[str]
    organisation_id: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_api_token_account_id", "account_id"),)

"""Queries on accounts, sessions and tokens of the control database."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from towpath.identity.model import Account, ApiToken, SignInSession


def account(session: Session, account_id: str) -> Account | None:
    """An account by id."""
    return session.get(Account, account_id)


def account_by_login(session: Session, login: str) -> Account | None:
    """An account by its sign-in name."""
    return session.scalar(select(Account).where(Account.login == login))


def accounts(session: Session, *, demo: bool | None = None) -> list[Account]:
    """Accounts in order of their sign-in names."""
    query = select(Account).order_by(Account.login)
    return list(session.scalars(query if demo is None else query.where(Account.demo == demo)))


def session_by_hash(session: Session, hash_: str) -> SignInSession | None:
    """A sign-in session by the hash of its cookie."""
    return session.get(SignInSession, hash_)


def end_session(session: Session, hash_: str) -> None:
    """Forget one sign-in session."""
    session.execute(delete(SignInSession).where(SignInSession.hash == hash_))


def end_expired(session: Session, moment: datetime) -> None:
    """Forget sessions that are over."""
    session.execute(delete(SignInSession).where(SignInSession.expires_at < moment))


def token_by_hash(session: Session, hash_: str) -> ApiToken | None:
    """A token by its hash."""
    return session.scalar(select(ApiToken).where(ApiToken.hash == hash_))


def token(session: Session, token_id: str) -> ApiToken | None:
    """A token by its id."""
    return session.get(ApiToken, token_id)


def tokens_of(session: Session, account_id: str, organisation_id: str) -> list[ApiToken]:
    """Tokens of an account in an organisation, newest first."""
    query = select(ApiToken).where(ApiToken.account_id == account_id, ApiToken.organisation_id == organisation_id)
    return list(session.scalars(query.order_by(ApiToken.id.desc())))

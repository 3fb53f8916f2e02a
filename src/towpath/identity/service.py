"""Use cases of identity: sign in and out, tokens, and the Actor behind a cookie or token."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from towpath.audit import service as audit
from towpath.audit.service import audited, note
from towpath.identity import queries
from towpath.identity.model import Account, ApiToken, SignInSession
from towpath.kit import clock, db, ids, settings
from towpath.kit.actor import PERMISSIONS, Actor, Role, nobody
from towpath.kit.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from towpath.organisations import service as organisations
from towpath.sdk import plugins

TOKEN_PREFIX = "twp_"  # noqa: S105 (scanners find leaked tokens by it)
FAILURES, LOCK = 5, timedelta(seconds=30)
_hasher = PasswordHasher()
_no_account = _hasher.hash(secrets.token_urlsafe())


@dataclass(frozen=True)
class SignIn:
    """A fresh session: `cookie` is shown once to the browser and kept only as a hash."""

    cookie: str
    expires_in_s: int
    organisation: str


@dataclass(frozen=True)
class Token:
    """A fresh token: `secret` is shown once and kept only as a hash."""

    id: str
    name: str
    secret: str


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def create_account(session: db.Session, login: str, display_name: str, password: str, *, demo: bool = False) -> Account:
    """Add an account to the control database; the caller is an entrance or an administrator's act."""
    if not re.fullmatch(r"[a-z][a-z0-9.-]{1,62}", login):
        raise Invalid(f"'{login}' cannot be a sign-in name", hint="use a-z, 0-9, '.' and '-'")
    if queries.account_by_login(session, login):
        raise Conflict(f"account '{login}' exists", hint="choose another sign-in name")
    row = Account(
        id=ids.uuid7(), login=login, display_name=display_name, password_hash=_hasher.hash(password), demo=demo,
        failures=0, created_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def demo_accounts() -> list[Account]:
    """The accounts that the sign-in page offers; empty outside demo mode."""
    if not settings.current().demo:
        return []
    with db.read(organisations.control()) as session:
        return queries.accounts(session, demo=True)


def sign_in(login: str, password: str) -> SignIn:
    """Check a password and open a session in the account's first organisation; audited there.

    Raises Unauthenticated with one message for an unknown name, a wrong password and a demo account outside demo mode.
    """
    account = _check(login.removeprefix("user:default/").strip(), password)
    if account is None:
        raise Unauthenticated(
            "name or password is wrong", hint="check both; after 5 failures an account rests for 30 s"
        )
    with db.write(organisations.control()) as control:
        memberships = organisations.memberships_of(control, account.id)
        if not memberships:
            raise Unauthenticated("this account belongs to no organisation", hint="ask an administrator to add it")
        membership, organisation = memberships[0]
        cookie, now = secrets.token_urlsafe(32), clock.now()
        lasts = timedelta(hours=settings.current().session_hours)
        queries.end_expired(control, now)
        control.add(
            SignInSession(
                hash=_hash(cookie), account_id=account.id, organisation_id=organisation.id,
                csrf=secrets.token_urlsafe(24), created_at=now, expires_at=now + lasts,
            )
        )  # fmt: skip
    actor = Actor(ref=membership.user_ref, organisation=organisation.id, account_id=account.id, via="session")
    with db.write(organisations.database(organisation.id)) as session:
        audit.record(session, actor, "identity.sign-in", subject=membership.user_ref)
    return SignIn(cookie, int(lasts.total_seconds()), organisation.id)


def _check(login: str, password: str) -> Account | None:
    with db.read(organisations.control()) as session:
        account = queries.account_by_login(session, login)
    usable = account is not None and (not account.demo or settings.current().demo)
    locked = account is not None and account.locked_until is not None and account.locked_until > clock.now()
    try:  # an unknown name costs the same time as a wrong password
        right = bool(_hasher.verify(account.password_hash if account and usable else _no_account, password))
    except VerificationError:
        right = False
    if account is None or not usable or locked:
        return None
    if not right or account.failures:
        _count(account.id, right)
    return account if right else None


def _count(account_id: str, right: bool) -> None:
    with db.write(organisations.control()) as session:
        db.alone(session, f"sign-in/{account_id}")  # guesses made at one moment must all count
        account = queries.account(session, account_id)
        if account is not None:
            account.failures = 0 if right else account.failures + 1
            account.locked_until = clock.now() + LOCK if account.failures >= FAILURES else None


def sign_out(cookie: str) -> None:
    """End a session; an unknown one is fine."""
    with db.write(organisations.control()) as session:
        queries.end_session(session, _hash(cookie))


def by_cookie(cookie: str, request_id: str) -> Actor:
    """The actor of a session cookie; nobody when it is unknown or over."""
    with db.read(organisations.control()) as control:
        row = queries.session_by_hash(control, _hash(cookie))
        if row is None or row.expires_at < clock.now():
            return nobody()
        found = _member(control, row.account_id, row.organisation_id)
    return _actor(found, via="session", request_id=request_id, csrf=row.csrf) if found else nobody()


def by_token(secret: str, request_id: str) -> Actor:
    """The actor of a bearer token; raises Unauthenticated when it is unknown, revoked or over."""
    with db.read(organisations.control()) as control:
        row = queries.token_by_hash(control, _hash(secret))
        over = row is None or row.revoked_at or (row.expires_at is not None and row.expires_at < clock.now())
        found = None if over or row is None else _member(control, row.account_id, row.organisation_id)
    if found is None or row is None:
        raise Unauthenticated("the token is unknown, revoked or over", hint="make one under Settings, Tokens")
    return _actor(found, via="token", request_id=request_id, scopes=tuple(row.scopes))


def by_ref(organisation: str, user_ref: str, *, via: str = "operator") -> Actor:
    """The actor of a member, for the operator's own command line; raises NotFound."""
    with db.read(organisations.control()) as control:
        account_id = next(
            (one.account_id for one in organisations.members(control, organisation) if one.user_ref == user_ref), None
        )
        found = _member(control, account_id, organisation) if account_id else None
    if found is None:
        raise NotFound(f"no account acts as '{user_ref}' here", hint="see Settings, Members")
    return _actor(found, via=via, request_id="")


@dataclass(frozen=True)
class _Member:
    account: Account
    organisation: str
    user_ref: str
    role: Role


def _member(control: db.Session, account_id: str, organisation: str) -> _Member | None:
    account = queries.account(control, account_id)
    if account is None or (account.demo and not settings.current().demo):
        return None
    for membership, _ in organisations.memberships_of(control, account_id):
        if membership.organisation_id == organisation:
            return _Member(account, organisation, membership.user_ref, Role(membership.role))
    return None


def _actor(member: _Member, *, via: str, request_id: str, scopes: tuple[str, ...] = (), csrf: str = "") -> Actor:
    with db.read(organisations.database(member.organisation)) as session:
        groups = plugins.call().groups_of(session=session, user_ref=member.user_ref) or []
    return Actor(
        ref=member.user_ref, organisation=member.organisation, role=member.role, account_id=member.account.id,
        groups=tuple(groups), via=via, display_name=member.account.display_name, scopes=scopes,
        request_id=request_id, csrf=csrf,
    )  # fmt: skip


@audited("identity.tokens")
def create_token(
    session: db.Session, actor: Actor, name: str, *, scopes: tuple[str, ...] = (), days: int | None = 90
) -> Token:
    """Make a token that acts as the actor, in its organisation, for `days` (None: until revoked).

    `scopes` are permission ids or `capability.*`. Raises Invalid for a bad name or time, Forbidden for a token.
    """
    if not name.strip() or len(name) > 80:
        raise Invalid("a token needs a name of at most 80 characters", hint="name what will use it")
    if days is not None and days < 1:
        raise Invalid(f"a token cannot last {days} days", hint="give at least one day")
    if actor.account_id is None or actor.via == "token":
        raise Forbidden("a token cannot make another one", hint="sign in to make it")
    secret, now = TOKEN_PREFIX + secrets.token_urlsafe(32), clock.now()
    row = ApiToken(
        id=ids.uuid7(), hash=_hash(secret), name=name.strip(), account_id=actor.account_id,
        organisation_id=actor.organisation, scopes=list(scopes), created_at=now,
        expires_at=now + timedelta(days=days) if days is not None else None,
    )  # fmt: skip
    with db.write(organisations.control()) as control:
        control.add(row)
    note(session, subject=actor.ref, token=row.name, days=days)
    return Token(row.id, row.name, secret)


def scopes_of(may: Literal["all", "git", "read"]) -> tuple[str, ...]:
    """The scopes behind the words of the tokens page: all its owner may, git alone, or looking at things only."""
    if may == "read":
        looks = (
            name for name, role in PERMISSIONS.items() if role is Role.viewer and name.endswith((".read", ".logs"))
        )
        return ("signed-in", *sorted(looks))
    return ("repositories.read", "repositories.push") if may == "git" else ()


@audited("identity.tokens")
def revoke_token(session: db.Session, actor: Actor, token_id: str) -> None:
    """End one of the actor's own tokens; raises NotFound for another's."""
    with db.write(organisations.control()) as control:
        row = queries.token(control, token_id)
        if row is None or row.account_id != actor.account_id or row.organisation_id != actor.organisation:
            raise NotFound("there is no such token of yours")
        row.revoked_at = row.revoked_at or clock.now()
        note(session, subject=actor.ref, token=row.name)


def tokens(actor: Actor) -> list[ApiToken]:
    """The actor's own tokens in this organisation, newest first; hashes only."""
    with db.read(organisations.control()) as control:
        return queries.tokens_of(control, actor.account_id or "", actor.organisation)


@audited("identity.members")
def set_role(session: db.Session, actor: Actor, user_ref: str, role: Role) -> None:
    """Change a member's role; never by a document. Raises NotFound, and Conflict for the last administrator."""
    with db.write(organisations.control()) as control:
        db.alone(control, f"members/{actor.organisation}")  # two administrators must not step down at one moment
        members = organisations.members(control, actor.organisation)
        row = next((one for one in members if one.user_ref == user_ref), None)
        if row is None:
            raise NotFound(f"'{user_ref}' is no member")
        others = [one for one in members if one.role >= Role.administrator and one.user_ref != user_ref]
        if role < Role.administrator and not others:
            raise Conflict("an organisation needs an administrator", hint="make somebody else one first")
        row.role = int(role)
    note(session, subject=user_ref, role=role.name)

"""One audit record per outermost act, by decorator; inner calls add details; refusals and failures outlive their rollback."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from towpath.audit import queries
from towpath.audit.model import AuditRecord
from towpath.kit import clock, db, ids
from towpath.kit.actor import Actor
from towpath.kit.errors import Forbidden

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class _Open:
    act: str
    subject: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def audited(
    permission: str,
) -> Callable[[Callable[Concatenate[Session, Actor, P], R]], Callable[Concatenate[Session, Actor, P], R]]:
    """Make a service function `f(session, actor, …)` an act: it needs `permission` and leaves one audit record.

    Called from within another act it only checks its permission. Raises Forbidden before the function runs.
    """

    def decorate(function: Callable[Concatenate[Session, Actor, P], R]) -> Callable[Concatenate[Session, Actor, P], R]:
        @functools.wraps(function)
        def act(session: Session, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if session.info.get("audit") is not None:
                actor.require(permission)
                return function(session, actor, *args, **kwargs)
            opened = _Open(permission)
            session.info["audit"] = opened
            try:
                actor.require(permission)
                result = function(session, actor, *args, **kwargs)
            except Exception as error:
                _record_afterwards(session, actor, opened, error)
                raise
            else:
                queries.append(session, _record(actor, opened, "done", None))
                return result
            finally:
                session.info["audit"] = None

        act.permission = permission  # type: ignore[attr-defined]  # the architecture test looks for it
        return act

    return decorate


def note(session: Session, *, subject: str | None = None, **details: Any) -> None:
    """Say what the open act is about. Values must be plain JSON and never a secret."""
    opened: _Open | None = session.info.get("audit")
    if opened is None:
        return
    if subject and not opened.subject:
        opened.subject = subject
    opened.details.update(details)


def record(
    session: Session, actor: Actor, act: str, *, subject: str, outcome: str = "done", reason: str | None = None
) -> None:
    """Record an act that no permission guards, such as signing in. `outcome` is done, refused or failed."""
    queries.append(session, _record(actor, _Open(act, subject), outcome, reason))


def newest(
    session: Session, *, subject: str | None = None, before: str | None = None, limit: int = 50
) -> list[AuditRecord]:
    """The newest records, at most `limit`; `before` continues after the last id of the page before."""
    return queries.newest(session, subject=subject, before=before, limit=limit)


def _record(actor: Actor, opened: _Open, outcome: str, reason: str | None) -> AuditRecord:
    return AuditRecord(
        id=ids.uuid7(),
        at=clock.now(),
        actor=actor.ref or "nobody",
        via=actor.via,
        act=opened.act,
        subject=opened.subject,
        outcome=outcome,
        reason=reason,
        request_id=actor.request_id,
        run_id=actor.run_id,
        details=opened.details,
    )


def _record_afterwards(session: Session, actor: Actor, opened: _Open, error: Exception) -> None:
    outcome = "refused" if isinstance(error, Forbidden) else "failed"
    record = _record(actor, opened, outcome, f"{type(error).__name__}: {str(error)[:500]}")
    ref = db.database(session)

    def append() -> None:
        with db.write(ref) as own:
            queries.append(own, record)

    db.after_rollback(session, append)

"""What every door shares: the unit of work of a request, permissions on routes. Translates nothing by itself.

A FastAPI `yield` dependency would commit after the reply; `scope="function"` commits before it, so that a client never
sees 201 for a row that was rolled back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from towpath.kit import db
from towpath.kit.actor import Actor


@dataclass(frozen=True)
class Unit:
    """One request's work: a session of the actor's organisation, the actor, and the request itself."""

    session: Session
    actor: Actor
    request: Request


def actor_of(request: Request) -> Actor:
    """The actor that identity put on the request."""
    actor: Actor = request.state.actor
    return actor


def database_of(request: Request) -> db.DatabaseRef:
    """The database of the actor's organisation; raises Unauthenticated when nobody is signed in."""
    ref: db.DatabaseRef | None = request.state.database
    if ref is None:
        actor_of(request).require("signed-in")
        raise AssertionError("an actor without an organisation cannot hold a permission")
    return ref


def last_event(request: Request) -> str:
    """The id of the last event a stream gave: from `Last-Event-ID`, or `?after=` of a page that was out of sight."""
    return request.headers.get("last-event-id") or request.query_params.get("after", "")


def _reading(request: Request) -> Iterator[Unit]:
    with db.read(database_of(request)) as session:
        yield Unit(session, actor_of(request), request)


def _writing(request: Request) -> Iterator[Unit]:
    with db.write(database_of(request)) as session:
        yield Unit(session, actor_of(request), request)


Count = Annotated[int, Query(ge=1, le=10_000)]
"""Parameter type of how many an answer may hold; the service says what it gives at most."""
Place = Annotated[int, Query(ge=0, le=2**53)]
"""Parameter type of a place in a list: every database and every JSON reader holds it."""
Reading = Annotated[Unit, Depends(_reading, scope="function")]
"""Parameter type of an endpoint that reads: `def show(unit: Reading)`."""
Writing = Annotated[Unit, Depends(_writing, scope="function")]
"""Parameter type of an endpoint that changes something; commits before the reply."""


class Permit:
    """The permission of a route, checked before its unit of work opens. `None` marks a route open to nobody in particular."""

    def __init__(self, permission: str | None) -> None:
        self.permission = permission

    def __call__(self, request: Request) -> None:
        if self.permission is not None:
            actor_of(request).require(self.permission)


def permit(permission: str | None) -> Any:
    """`@router.get(..., dependencies=[permit("catalog.read")])`; every route has one (tested)."""
    return Depends(Permit(permission))

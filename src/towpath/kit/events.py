"""Events, the spine: written in the transaction of the fact, delivered to each subscriber at least once.

An event and one delivery row per subscriber commit with the fact; a commit wakes the dispatcher, a sweep every 5 s covers
the rest. Order is promised per subject only; handlers are idempotent by event id. After 10 tries a delivery is parked.
Shapes follow CloudEvents 1.0; types are CDEvents' where one exists.
"""

import fnmatch
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, literal, select, tuple_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from towpath.kit import clock, db, ids, live
from towpath.kit.errors import NotFound

log = logging.getLogger(__name__)
TRIES = 10
SWEEP_S = 5.0
PAGE = 200


class EventRow(db.Base):
    """One thing that happened; never changed, kept for every projection to be rebuilt from."""

    __tablename__ = "event"
    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject: Mapped[str]
    time: Mapped[datetime]
    actor: Mapped[str]
    root_id: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_event_type_time", "type", "time"), Index("ix_event_subject_time", "subject", "time"))


class DeliveryRow(db.Base):
    """What one subscriber still has to do, or did, with one event."""

    __tablename__ = "event_delivery"
    event_id: Mapped[str] = mapped_column(ForeignKey("event.id"), primary_key=True)
    subscriber: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="queued")
    tries: Mapped[int] = mapped_column(default=0)
    due: Mapped[datetime]
    error: Mapped[str | None]
    __table_args__ = (Index("ix_event_delivery_state_due", "state", "due"),)


@dataclass(frozen=True)
class Event:
    """An event as subscribers see it. `subject` is an entity ref or another stable name, `time` UTC."""

    id: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any] = field(default_factory=dict)
    root_id: str | None = None
    actor: str = ""


@dataclass(frozen=True)
class Subscriber:
    """Who hears what: `types` are glob patterns; `fact(session, event)` runs in one write transaction with its `done`.

    A fact may only insert, for example a queued run: slow work is always a run.
    """

    name: str
    types: tuple[str, ...]
    fact: Callable[[Session, Event], None]

    def hears(self, type_: str) -> bool:
        """Whether an event type is one of this subscriber's."""
        return any(fnmatch.fnmatchcase(type_, pattern) for pattern in self.types)


_subscribers: dict[str, Subscriber] = {}


def subscribe(subscribers: Sequence[Subscriber]) -> None:
    """Set the subscribers of this process; events emitted from now on get a delivery row for each that hears them."""
    _subscribers.clear()
    _subscribers.update({one.name: one for one in subscribers})


def emit(
    session: Session,
    type_: str,
    subject: str,
    data: dict[str, Any] | None = None,
    *,
    actor: str = "platform",
    root_id: str | None = None,
) -> Event:
    """Record that something happened, in the transaction of the fact itself. Returns the event."""
    event = Event(ids.uuid7(), type_, subject, clock.now(), data or {}, root_id, actor)
    session.add(
        EventRow(
            id=event.id, type=type_, subject=subject, time=event.time, data=event.data, root_id=root_id, actor=actor
        )
    )
    session.flush()
    heard = [one.name for one in _subscribers.values() if one.hears(type_)]
    session.add_all(DeliveryRow(event_id=event.id, subscriber=name, due=event.time) for name in heard)
    if heard:
        db.after_commit(session, lambda: live.wake("events"))
    return event


def history(session: Session, subject: str, limit: int = 50) -> list[Event]:
    """The newest events about one subject, newest first."""
    rows = session.scalars(
        select(EventRow)
        .where(EventRow.subject == subject)
        .order_by(EventRow.time.desc(), EventRow.id.desc())
        .limit(limit)
    )
    return [_event(row) for row in rows]


def _event(row: EventRow) -> Event:
    return Event(row.id, row.type, row.subject, row.time, row.data, row.root_id, row.actor)


class Dispatcher:
    """Delivers the queued rows of all databases on one thread; `databases()` names those of the organisations."""

    def __init__(self, databases: Callable[[], Sequence[db.DatabaseRef]]) -> None:
        self._databases = databases
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="events", daemon=True)

    def start(self) -> None:
        """Begin with everything that an earlier process left."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the delivery in hand and end the thread."""
        self._stop.set()
        live.wake("events")
        self._thread.join(10)

    def _loop(self) -> None:
        while not self._stop.is_set():
            seen = live.count("events")
            try:
                databases = self._databases()
            except Exception:  # the control database is back at the next sweep; this thread must outlive it
                log.exception("the organisations could not be read")
                databases = []
            for ref in databases:
                try:
                    deliver(ref)
                except Exception:  # one broken database must not silence the others
                    log.exception("events of %s could not be delivered", ref.name)
            live.wait("events", seen, SWEEP_S)


def deliver(ref: db.DatabaseRef) -> int:
    """Deliver what is due in one database until nothing is left. Returns how many deliveries succeeded."""
    done = 0
    while progress := _deliver_once(ref):
        done += progress
    return done


def _deliver_once(ref: db.DatabaseRef) -> int:
    """Go through all that is queued, oldest first; what waits, however much it is, keeps only its own subject from others."""
    blocked: set[tuple[str, str]] = set()
    progress, last = 0, None
    while queued := _queued(ref, last):
        for _, event_id, subscriber, subject, due_at in queued:
            if (subscriber, subject) in blocked:
                continue
            if due_at <= clock.now() and _deliver_one(ref, event_id, subscriber):
                progress += 1
            else:
                blocked.add((subscriber, subject))
        last = queued[-1][:3]
    return progress


def _queued(
    ref: db.DatabaseRef, last: tuple[datetime, str, str] | None
) -> list[tuple[datetime, str, str, str, datetime]]:
    """Queued deliveries (time, event, subscriber, subject, due) in order of their events, after the last one seen."""
    place = (EventRow.time, DeliveryRow.event_id, DeliveryRow.subscriber)
    rows = (
        select(*place, EventRow.subject, DeliveryRow.due)
        .join(EventRow, EventRow.id == DeliveryRow.event_id)
        .where(DeliveryRow.state == "queued")
        .order_by(*place)
        .limit(PAGE)
    )
    if last is not None:
        rows = rows.where(
            tuple_(*place) > tuple_(*(literal(value, column.type) for value, column in zip(last, place, strict=True)))
        )
    with db.read(ref) as session:
        return [(row[0], row[1], row[2], row[3], row[4]) for row in session.execute(rows)]


def _deliver_one(ref: db.DatabaseRef, event_id: str, name: str) -> bool:
    try:
        with db.write(ref) as session:
            row = session.scalar(
                select(DeliveryRow)
                .where(DeliveryRow.event_id == event_id, DeliveryRow.subscriber == name, DeliveryRow.state == "queued")
                .with_for_update(skip_locked=True)
            )
            event = session.get(EventRow, event_id)
            if row is None or event is None:
                return False
            subscriber = _subscribers.get(name)
            if subscriber is not None:
                subscriber.fact(session, _event(event))
            row.state, row.error = "done", None
    except Exception as error:
        log.warning("event %s: %s failed: %s", event_id, name, error, exc_info=True)
        _put_back(ref, event_id, name, f"{type(error).__name__}: {error}")
        return False
    return True


def _put_back(ref: db.DatabaseRef, event_id: str, name: str, error: str) -> None:
    with db.write(ref) as session:
        row = session.get(DeliveryRow, (event_id, name), with_for_update={})
        if row is not None and row.state == "queued":  # another replica may have delivered it meanwhile
            row.tries += 1
            row.error = error[:2000]
            row.due = clock.now() + timedelta(seconds=min(2.0**row.tries, 300))
            row.state = "parked" if row.tries >= TRIES else "queued"


@dataclass(frozen=True)
class Parked:
    """A delivery that was given up: which event, to whom, how often it was tried, and the last error."""

    event: Event
    subscriber: str
    tries: int
    error: str


def parked(session: Session, limit: int = 200) -> list[Parked]:
    """Deliveries given up after 10 tries, newest event first."""
    rows = session.execute(
        select(DeliveryRow, EventRow)
        .join(EventRow, EventRow.id == DeliveryRow.event_id)
        .where(DeliveryRow.state == "parked")
        .order_by(EventRow.time.desc(), EventRow.id.desc())
        .limit(limit)
    )
    return [Parked(_event(event), row.subscriber, row.tries, row.error or "") for row, event in rows]


def replay(session: Session, name: str, *, only_parked: bool = False) -> int:
    """Queue every event a subscriber hears once more, also those from before it existed, to rebuild its projection.

    With `only_parked`, the deliveries it was given up for. Returns how many; raises NotFound for an unknown subscriber.
    """
    subscriber = _subscribers.get(name)
    if subscriber is None:
        raise NotFound(f"there is no subscriber '{name}'", hint=f"there are: {', '.join(sorted(_subscribers))}")
    states = ("parked",) if only_parked else ("parked", "done", "queued")
    queued = session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.subscriber == name, DeliveryRow.state.in_(states))
        .values(state="queued", tries=0, due=clock.now(), error=None)
        .returning(DeliveryRow.event_id)
    ).scalars().all()  # fmt: skip
    missing = [] if only_parked else _never_given(session, subscriber)
    session.add_all(DeliveryRow(event_id=event_id, subscriber=name, due=clock.now()) for event_id in missing)
    db.after_commit(session, lambda: live.wake("events"))
    return len(queued) + len(missing)


def _never_given(session: Session, subscriber: Subscriber) -> list[str]:
    given = select(DeliveryRow.event_id).where(DeliveryRow.subscriber == subscriber.name)
    rows = session.execute(select(EventRow.id, EventRow.type).where(EventRow.id.not_in(given)))
    return [event_id for event_id, type_ in rows if subscriber.hears(type_)]

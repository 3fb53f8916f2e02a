"""Deliveries of events that were given up, and delivering again."""

from towpath.audit.service import audited, note
from towpath.kit import db, events
from towpath.kit.actor import Actor
from towpath.kit.events import Parked

__all__ = ["Parked", "parked", "replay"]


def parked(session: db.Session) -> list[Parked]:
    """Deliveries given up after 10 tries, newest event first, at most 200."""
    return events.parked(session)


@audited("portal.events")
def replay(session: db.Session, actor: Actor, name: str, *, only_parked: bool = False) -> int:
    """Deliver to a subscriber again: every event it hears, or what it was given up for. Returns how many events.

    Raises NotFound for an unknown subscriber.
    """
    note(session, subject=f"subscriber:{name}", only_parked=only_parked)
    return events.replay(session, name, only_parked=only_parked)

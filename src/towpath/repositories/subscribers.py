"""What repositories hears: an entity arrived from one of them, so it holds that component."""

from towpath.kit.db import Session
from towpath.repositories import queries, service
from towpath.repositories.source import ADDRESS
from towpath.sdk.types import Event, Subscriber


def _arrived(session: Session, event: Event) -> None:
    found = ADDRESS.fullmatch(str(event.data.get("location", "")).removeprefix("url:"))
    if found is None or event.data.get("kind") != "Component":
        return
    row = queries.named(session, found["name"])
    if row is not None and row.component is None:
        service.link(session, row.uid, event.subject, actor=event.actor, root_id=event.root_id)


SUBSCRIBERS = (Subscriber("repositories.link", ("entity.registered",), _arrived),)

"""The step that removes an entity's secrets when the entity is deleted."""

from typing import Any

from towpath.kit.db import Session
from towpath.kit.jobs import Fact
from towpath.sdk.types import EntityView, Removal
from towpath.secrets import service as secrets


def removal(session: Session, entity: EntityView) -> list[Removal]:
    """What deleting the entity takes away here; empty when it has no secret."""
    names = tuple(_told(one.name, one.subject) for one in secrets.listed(session, entity.ref))
    if not names:
        return []

    def forget(session: Session, run: Any) -> dict[str, int]:
        return {"removed": secrets.remove_of(session, run.actor, entity.ref)}

    return [Removal("secrets", "Secrets", names, Fact("secrets", "Remove secrets", forget), order=30)]


def _told(name: str, subject: str) -> str:
    """A secret in words: a resource's subject is `REF#TYPE.CLASS#UID.ENVIRONMENT.ID`."""
    resource = subject.split("#")[1:]
    if len(resource) != 2:
        return f"{name} in {subject.rpartition('@')[2]}" if "@" in subject else name
    environment, _, id_ = resource[1].partition(".")[2].partition(".")
    return f"{name} of {resource[0].partition('.')[0]} {id_} in {environment}"

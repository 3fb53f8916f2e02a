"""What repositories contribute."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from towpath.kit.db import Session
from towpath.kit.settings import current
from towpath.repositories import api, git, http, pages, removal, service
from towpath.repositories.actions import ACTION
from towpath.repositories.source import SOURCE
from towpath.repositories.subscribers import SUBSCRIBERS
from towpath.sdk.backup import BackupPart, folder_part
from towpath.sdk.hooks import hook
from towpath.sdk.types import Action, Card, EntityView, NavItem, Permission, Removal, Role, Source, Subscriber


@hook
def permissions() -> Sequence[Permission]:
    """Reading, pushing, making and deleting."""
    return [
        Permission("repositories.read", Role.viewer, "Browse and clone repositories"),
        Permission("repositories.push", Role.developer, "Push to repositories"),
        Permission("repositories.create", Role.developer, "Make repositories"),
        Permission("repositories.delete", Role.developer, "Delete repositories of one's own components"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST, smart HTTP and pages."""
    return [api.router, http.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of repositories."""
    return [str(Path(__file__).parent / "html")]


@hook
def navigation() -> Sequence[NavItem]:
    """Repositories."""
    return [NavItem("Repositories", "/repositories", "git-branch", 60, permission="repositories.read")]


@hook
def entity_cards(entity: EntityView) -> Sequence[Card]:
    """Clone address and last commits of a component."""
    shown = entity.kind == "Component" and "towpath://" in entity.location
    return (
        [Card("repository", "Repository", f"/repositories/card?entity={entity.ref}", order=40, live=True)]
        if shown
        else []
    )


@hook
def sources() -> Sequence[Source]:
    """Files of our own repositories."""
    return [SOURCE]


@hook
def subscribers() -> Sequence[Subscriber]:
    """An entity arrived from a repository."""
    return SUBSCRIBERS


@hook
def template_actions() -> Sequence[Action]:
    """`publish:git`."""
    return [ACTION]


@hook
def entity_removals(session: Session, entity: EntityView) -> Sequence[Removal]:
    """The entity's repository."""
    return removal.removals(session, entity)


@hook
def backup_parts() -> Sequence[BackupPart]:
    """The bare repositories, without what a push in flight has not finished."""
    skip = ("*.lock", "tmp_*", "index-*", ".*.new")
    return [folder_part("repositories", "Repositories", skip=skip, first=("refs",))]


@hook
def tidy() -> None:
    """What killed calls of Git left."""
    git.remove_left(current().folder("repositories"))


@hook
def owner_of(session: Session, subject: str) -> str | None:
    """The owner of `repository:<uid>`: its own, else that of the component it holds."""
    return service.owner_of(session, subject.removeprefix("repository:")) if subject.startswith("repository:") else None


@hook
def started(app: Any) -> None:
    """Record pushes that ended while no portal ran."""
    del app
    threading.Thread(target=service.catch_up, name="repositories-catch-up", daemon=True).start()

"""What the catalog contributes."""

from collections.abc import Sequence
from pathlib import Path

import click
from fastapi import APIRouter

from towpath.catalog import api, cli, pages, service
from towpath.catalog import kinds as built_in
from towpath.catalog import sources as readers
from towpath.catalog.actions import REGISTER
from towpath.catalog.jobs import DELETION
from towpath.kit.db import Session
from towpath.sdk.hooks import hook
from towpath.sdk.types import Action, Job, KindSpec, NavItem, Permission, Role, Source


@hook
def permissions() -> Sequence[Permission]:
    """Everyone reads; developers register and delete what they own; platform engineers grant."""
    return [
        Permission("catalog.read", Role.viewer, "See entities, relations and locations"),
        Permission("catalog.register", Role.developer, "Register, refresh and unregister locations"),
        Permission("catalog.delete", Role.developer, "Delete entities one owns, with everything they own"),
        Permission("catalog.grant", Role.platform_engineer, "Let a location supply platform kinds, templates, people"),
    ]


@hook
def kinds() -> Sequence[KindSpec]:
    """Backstage's kinds."""
    return built_in.BUILT_IN


@hook
def routers() -> Sequence[APIRouter]:
    """Backstage's API, our own, and pages."""
    return [api.router, api.own, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of the catalog."""
    return [str(Path(__file__).parent / "html")]


@hook
def navigation() -> Sequence[NavItem]:
    """Catalog."""
    return [NavItem("Catalog", "/catalog", "boxes", 10, permission="catalog.read")]


@hook
def template_actions() -> Sequence[Action]:
    """`catalog:register`."""
    return [REGISTER]


@hook
def jobs() -> Sequence[Job]:
    """The run that deletes an entity with everything it owns."""
    return [DELETION]


@hook
def commands() -> Sequence[click.Command]:
    """`towpath catalog lint` and `register`."""
    return [cli.catalog]


@hook
def sources() -> Sequence[Source]:
    """Files behind https and http, through the one outbound client."""
    return readers.own()


@hook
def groups_of(session: Session, user_ref: str) -> list[str]:
    """From the relations of people and groups, in one query."""
    return service.groups_of(session, user_ref)


@hook
def owner_of(session: Session, subject: str) -> str | None:
    """The owner of an entity."""
    found = service.find(session, subject)
    return found.owner if found else None

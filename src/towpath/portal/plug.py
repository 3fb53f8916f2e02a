"""What the portal contributes."""

from collections.abc import Sequence
from pathlib import Path

import click
from fastapi import APIRouter

from towpath.portal import cli, pages
from towpath.sdk.hooks import hook
from towpath.sdk.types import NavItem, Permission, Role


@hook
def permissions() -> Sequence[Permission]:
    """Looking at engines and at deliveries."""
    return [
        Permission("portal.engines", Role.platform_engineer, "See the health of engines"),
        Permission("portal.events", Role.platform_engineer, "See deliveries of events that failed, and repeat them"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """Home and settings."""
    return [pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of the frame."""
    return [str(Path(__file__).parent / "html")]


@hook
def navigation() -> Sequence[NavItem]:
    """Home and Settings."""
    return [
        NavItem("Home", "/", "house", 0, permission="signed-in"),
        NavItem("Settings", "/settings", "settings", 90, section="bottom", permission="signed-in"),
    ]


@hook
def commands() -> Sequence[click.Command]:
    """`towpath events`."""
    return [cli.events]

"""What the portal contributes."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.portal import pages
from towpath.sdk.hooks import hook
from towpath.sdk.types import NavItem, Permission, Role


@hook
def permissions() -> Sequence[Permission]:
    """Looking at engines."""
    return [Permission("portal.engines", Role.platform_engineer, "See the health of engines")]


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

"""What approvals contribute."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.approvals import api, pages
from towpath.kit.actor import Actor
from towpath.sdk.hooks import hook
from towpath.sdk.types import Card, NavItem, Permission, Role


@hook
def permissions() -> Sequence[Permission]:
    """Reading and deciding."""
    return [
        Permission("approvals.read", Role.viewer, "See requests and decisions"),
        Permission("approvals.decide", Role.developer, "Approve or refuse what somebody else asked for"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST and pages."""
    return [api.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of approvals."""
    return [str(Path(__file__).parent / "html")]


@hook
def navigation() -> Sequence[NavItem]:
    """Approvals stand after what they guard."""
    return [NavItem("Approvals", "/approvals", "shield-check", 45, permission="approvals.read")]


@hook
def home_cards(actor: Actor) -> Sequence[Card]:
    """What waits for a decision."""
    return (
        [Card("approvals", "Waiting for approval", "/approvals/card", order=20, live=True)]
        if actor.can("approvals.decide")
        else []
    )

"""What runs contribute."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.kit.actor import Actor
from towpath.runs import api, pages, retention
from towpath.sdk.hooks import hook
from towpath.sdk.types import Card, Permission, Role


@hook
def permissions() -> Sequence[Permission]:
    """Watching, stopping and trying again."""
    return [
        Permission("runs.read", Role.viewer, "See runs, their steps and logs"),
        Permission("runs.cancel", Role.developer, "Stop a run"),
        Permission("runs.retry", Role.developer, "Try a failed run again"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST, streams and pages."""
    return [api.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of the run page."""
    return [str(Path(__file__).parent / "html")]


@hook
def home_cards(actor: Actor) -> Sequence[Card]:
    """Runs of this moment."""
    return [Card("runs", "Recent runs", "/runs/card", order=40, wide=True, live=True)] if actor.can("runs.read") else []


@hook
def tidy() -> None:
    """Workspaces and the records of durable execution."""
    retention.tidy()

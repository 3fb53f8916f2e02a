"""What runtimes contribute."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from towpath.runtimes import api, pages
from towpath.runtimes.drivers import route, service
from towpath.runtimes.engines import EDGE, SUPERVISOR, WATCH
from towpath.sdk.hooks import hook
from towpath.sdk.types import Driver, Engine, EntityView, Permission, Role, Tab

NEVER_RUN = ("library", "documentation")


@hook
def permissions() -> Sequence[Permission]:
    """Seeing how services do, and what they print."""
    return [
        Permission("runtimes.read", Role.viewer, "See how services do"),
        Permission("runtimes.logs", Role.viewer, "Read what services print"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST and fragments."""
    return [api.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of the tab."""
    return [str(Path(__file__).parent / "html")]


@hook
def entity_tabs(entity: EntityView) -> Sequence[Tab]:
    """Logs of what can run."""
    return [Tab("logs", "Logs", f"/runtimes/{entity.name}/logs", order=50)] if _runs(entity) else []


@hook
def resource_drivers() -> Sequence[Driver]:
    """Services and routes of this machine."""
    return [service.DRIVER, route.DRIVER]


@hook
def engines() -> Sequence[Engine]:
    """The supervisor of services and the edge in front of them; both outlive the portal."""
    return [SUPERVISOR, EDGE]


@hook
def started(app: Any) -> None:
    """Begin watching services."""
    del app
    WATCH.start()


@hook
def stopping() -> None:
    """Stop watching; the services go on."""
    WATCH.stop()


def _runs(entity: EntityView) -> bool:
    return entity.kind == "Component" and entity.type not in NEVER_RUN

"""Home and settings."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from towpath.kit.web import Reading, Writing, permit
from towpath.portal import service
from towpath.sdk import plugins
from towpath.ui import service as ui

router = APIRouter(include_in_schema=False)


@router.get("/", dependencies=[permit("signed-in")])
def home(unit: Reading) -> Response:
    """The cards of every capability for this person."""
    cards = plugins.collect(plugins.call().home_cards(actor=unit.actor))
    return ui.page(unit.request, "portal/home.html", title="Home", cards=sorted(cards, key=lambda one: one.order))


@router.get("/settings", dependencies=[permit("signed-in")])
def settings_page(unit: Reading) -> Response:
    """What a person, and who may, can set."""
    return ui.page(unit.request, "portal/settings.html", title="Settings")


@router.get("/settings/engines", dependencies=[permit("portal.engines")])
def engines(request: Request) -> Response:
    """The doctor's answers: what is missing, what is degraded, how to mend. Opens no session."""
    return ui.page(request, "portal/engines.html", title="Engines", found=request.app.state.platform.doctor())


@router.get("/settings/events", dependencies=[permit("portal.events")])
def parked(unit: Reading) -> Response:
    """Deliveries that were given up, and why."""
    return ui.page(unit.request, "portal/events.html", title="Events", parked=service.parked(unit.session))


@router.post("/settings/events/replay", dependencies=[permit("portal.events")])
def replay(unit: Writing, subscriber: Annotated[str, Form()]) -> Response:
    """Deliver again what one subscriber was given up for."""
    service.replay(unit.session, unit.actor, subscriber, only_parked=True)
    return RedirectResponse("/settings/events", 303)

"""What an entity's page shows of its running services: the log tab, with how it does."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from towpath.kit.web import actor_of, permit
from towpath.runtimes import service
from towpath.ui import service as ui

router = APIRouter(prefix="/runtimes", include_in_schema=False)


@router.get("/{component}/logs", dependencies=[permit("runtimes.logs")])
def logs(request: Request, component: str, environment: str = "") -> Response:
    """The live log of a component, one environment at a time."""
    names = [one.environment for one in service.environments(actor_of(request).organisation, component)]
    chosen = environment if environment in names else (names[0] if names else "")
    status = service.status(service.find(actor_of(request).organisation, component, chosen)) if chosen else None
    return ui.fragment(
        request, "runtimes/logs.html", component=component, environments=names, chosen=chosen, doing=status
    )

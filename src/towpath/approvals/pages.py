"""Pages of approvals: what waits, and one decision with everything an approver must see."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from towpath.approvals import service
from towpath.kit.web import Reading, Writing, permit
from towpath.sdk import plugins
from towpath.ui import service as ui

router = APIRouter(prefix="/approvals", include_in_schema=False)


@router.get("", dependencies=[permit("approvals.read")])
def list_page(unit: Reading) -> Response:
    """Waiting requests first, then the latest decisions."""
    waiting = service.find(unit.session, decision="pending")
    decided = [one for one in service.find(unit.session) if one.decision != "pending"]
    return ui.page(unit.request, "approvals/list.html", title="Approvals", waiting=waiting, decided=decided)


@router.get("/card", dependencies=[permit("approvals.read")])
def card(unit: Reading) -> Response:
    """The home card: what waits for a decision."""
    return ui.fragment(
        unit.request, "approvals/card.html", waiting=service.find(unit.session, decision="pending", limit=5)
    )


@router.get("/{approval_id}", dependencies=[permit("approvals.read")])
def show(unit: Reading, approval_id: str) -> Response:
    """One request with the cards of its subject and the decision form."""
    row = service.get(unit.session, approval_id)
    cards = plugins.collect(plugins.call().approval_card(subject=f"run:{row.run_id}"))
    own = service.asked(row, unit.actor)
    can = unit.actor.can("approvals.decide") and not own and row.decision == "pending"
    return ui.page(
        unit.request, "approvals/show.html", title=row.title, approval=row, cards=cards, own=own, can_decide=can
    )


@router.post("/{approval_id}", dependencies=[permit("approvals.decide")])
def decide(
    unit: Writing,
    approval_id: str,
    decision: Annotated[Literal["approve", "refuse"], Form()],
    comment: Annotated[str, Form()] = "",
) -> Response:
    """Decide, then follow the run."""
    row = service.decide(unit.session, unit.actor, approval_id, approve=decision == "approve", comment=comment)
    return RedirectResponse(f"/runs/{row.run_id}", 303)

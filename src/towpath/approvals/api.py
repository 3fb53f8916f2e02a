"""REST of approvals."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from towpath.approvals import service
from towpath.kit.web import Reading, Writing, permit

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"])


class ApprovalView(BaseModel):
    """A request for a decision, and the decision."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    subject: str
    title: str
    digest: str
    rule: str
    run_id: str
    requested_by: str
    requested_at: datetime
    decision: str
    decided_by: str | None
    decided_at: datetime | None
    comment: str | None


class Decision(BaseModel):
    """The decision and why."""

    approve: bool
    comment: str = Field("", max_length=2000)


@router.get("", dependencies=[permit("approvals.read")])
def find(unit: Reading, decision: str | None = None, before: str | None = None) -> list[ApprovalView]:
    """Approvals newest first, 50 a page; continue with `before` = the last id."""
    return [ApprovalView.model_validate(row) for row in service.find(unit.session, decision=decision, before=before)]


@router.get("/{approval_id}", dependencies=[permit("approvals.read")])
def get(unit: Reading, approval_id: str) -> ApprovalView:
    """One approval."""
    return ApprovalView.model_validate(service.get(unit.session, approval_id))


@router.post("/{approval_id}/decision", dependencies=[permit("approvals.decide")])
def decide(unit: Writing, approval_id: str, decision: Decision) -> ApprovalView:
    """Approve or refuse; the requester's own account cannot."""
    row = service.decide(unit.session, unit.actor, approval_id, approve=decision.approve, comment=decision.comment)
    return ApprovalView.model_validate(row)

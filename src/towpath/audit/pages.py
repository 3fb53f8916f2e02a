"""The audit page."""

from fastapi import APIRouter
from fastapi.responses import Response

from towpath.audit import service
from towpath.kit.web import Reading, permit
from towpath.ui import service as ui

router = APIRouter(prefix="/settings/audit", include_in_schema=False)


@router.get("", dependencies=[permit("audit.read")])
def list_page(unit: Reading, subject: str | None = None, before: str | None = None) -> Response:
    """Records newest first, 50 a page."""
    records = service.newest(unit.session, subject=subject or None, before=before)
    following = records[-1].id if len(records) == 50 else None
    return ui.page(
        unit.request, "audit/list.html", title="Audit", records=records, subject=subject or "", following=following
    )

"""REST of artifacts: bundles and their parts."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from towpath.artifacts import service
from towpath.kit.web import Reading, permit

router = APIRouter(prefix="/api/v1/artifacts", tags=["artifacts"])


class BundleOut(BaseModel):
    """A bundle; `manifest` names its parts by digest."""

    model_config = ConfigDict(from_attributes=True)
    digest: str
    repository_uid: str
    commit: str
    branch: str
    name: str
    version: str
    layer: str
    size_bytes: int
    run_id: str
    created_at: datetime
    manifest: dict[str, Any]


@router.get("", dependencies=[permit("artifacts.read")])
def find(unit: Reading, repository: str | None = None) -> list[BundleOut]:
    """Bundles newest first, at most 50, of all repositories or of one (uid)."""
    rows = service.bundles(unit.session, repository) if repository else service.newest(unit.session)
    return [BundleOut.model_validate(row) for row in rows]


@router.get("/blobs/{digest}", dependencies=[permit("artifacts.read")])
def blob(unit: Reading, digest: str) -> FileResponse:
    """One part by digest: wheel, lock, SBOM, provenance."""
    return FileResponse(service.blob(unit.session, digest), media_type="application/octet-stream")

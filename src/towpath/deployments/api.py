"""REST of deployments."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from towpath.catalog import service as catalog
from towpath.deployments import service
from towpath.kit.web import Reading, Writing, permit

router = APIRouter(prefix="/api/v1", tags=["deployments"])


class DeploymentOut(BaseModel):
    """One deployment; its steps and log are under /api/v1/runs/{id}."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    component_ref: str
    environment: str
    digest: str
    commit: str
    attempt: int
    reason: str
    status: str
    actor: str
    approved_by: str | None
    url: str | None
    created_at: datetime
    finished_at: datetime | None


class DeploymentDetail(DeploymentOut):
    """One deployment with its plan and the gates' answers."""

    plan: dict[str, Any] | None
    verdicts: list[Any] | None


class Promotion(BaseModel):
    """What to bring from where to where."""

    component: str = Field(examples=["component:default/orders"])
    source: str = Field(examples=["development"])
    target: str = Field(examples=["staging"])
    digest: str | None = Field(
        None, description="Only this bundle; without it, what runs there once nothing changes it"
    )


@router.get("/deployments", dependencies=[permit("deployments.read")])
def find(
    unit: Reading, component: str | None = None, environment: str | None = None, before: str | None = None
) -> list[DeploymentOut]:
    """Deployments newest first, 50 a page; continue with `before` = the last id."""
    uid = catalog.get(unit.session, component).uid if component else None
    rows = service.find(unit.session, component_uid=uid, environment=environment, before=before)
    return [DeploymentOut.model_validate(row) for row in rows]


@router.get("/deployments/{deployment_id}", dependencies=[permit("deployments.read")])
def get(unit: Reading, deployment_id: str) -> DeploymentDetail:
    """One deployment with its plan."""
    return DeploymentDetail.model_validate(service.get(unit.session, deployment_id))


@router.post("/deployments/promote", status_code=202, dependencies=[permit("deployments.promote")])
def promote(unit: Writing, wish: Promotion) -> DeploymentOut:
    """Bring what runs in one environment to another; 409 while it is being changed, or when it is not the one named."""
    row = service.promote(unit.session, unit.actor, wish.component, wish.source, wish.target, digest=wish.digest)
    return DeploymentOut.model_validate(row)


@router.post("/deployments/{deployment_id}/rollback", status_code=202, dependencies=[permit("deployments.rollback")])
def rollback(unit: Writing, deployment_id: str) -> DeploymentOut:
    """Bring this earlier release back to its environment."""
    return DeploymentOut.model_validate(service.rollback(unit.session, unit.actor, deployment_id))

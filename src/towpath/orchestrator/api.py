"""Resources and dry plans over REST."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from towpath.catalog import service as catalog
from towpath.environments import service as environments
from towpath.kit import clock
from towpath.kit.db import Session
from towpath.kit.web import Reading, permit
from towpath.orchestrator import service as orchestrator
from towpath.orchestrator.stages.offline import component_of
from towpath.sdk.types import EntityView

router = APIRouter(prefix="/api/v1", tags=["orchestrator"])


class PlanAsked(BaseModel):
    """A workload to be planned: `score` as the file's text or as JSON."""

    score: str | dict[str, Any]
    environment: str = Field(examples=["development"])
    component: str | None = Field(None, description="Entity ref; absent: a component named like the workload.")


class ResourceListed(BaseModel):
    """An applied resource without its secrets."""

    uid: str
    type: str
    class_: str = Field(serialization_alias="class")
    name: str
    environment: str
    driver: str
    definition: str
    status: str
    message: str
    stateful: bool
    outputs: dict[str, Any]
    secrets: list[str]
    updated_at: str


@router.get("/resources", dependencies=[permit("orchestrator.read")])
def resources(unit: Reading, component: str, environment: str | None = None) -> dict[str, list[ResourceListed]]:
    """Resources of a component, in all environments or in one."""
    entity = catalog.get(unit.session, component)
    return {"items": [_listed(one) for one in orchestrator.resources(unit.session, entity.uid, environment)]}


@router.post("/score/plan", dependencies=[permit("orchestrator.plan")])
def plan(unit: Reading, body: PlanAsked) -> dict[str, Any]:
    """What a workload would become in an environment; changes nothing."""
    environment = environments.get(unit.session, body.environment)
    component = _component(unit.session, body)
    made = orchestrator.plan(unit.session, component=component, environment=environment, score=body.score, artifact="")
    return orchestrator.as_json(made)


def _component(session: Session, body: PlanAsked) -> EntityView:
    if body.component:
        return catalog.get(session, body.component)
    new = component_of(body.score)
    return catalog.find(session, new.ref) or new


def _listed(one: orchestrator.ResourceView) -> ResourceListed:
    return ResourceListed(
        uid=one.uid, type=one.type, class_=one.class_, name=one.name, environment=one.environment, driver=one.driver,
        definition=one.definition, status=one.status, message=one.message, stateful=one.stateful, outputs=one.outputs,
        secrets=list(one.secrets), updated_at=clock.iso(one.updated_at),
    )  # fmt: skip

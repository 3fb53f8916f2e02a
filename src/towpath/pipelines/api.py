"""REST of pipelines: start, and the status of a commit."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from towpath.kit.web import Reading, Writing, permit
from towpath.pipelines import service
from towpath.repositories import service as repositories
from towpath.sdk.types import RunView

router = APIRouter(prefix="/api/v1/repositories", tags=["pipelines"])


class CommitStatus(BaseModel):
    """How the pipeline of a commit fares; its steps and log are under /api/v1/runs/{run}."""

    run: str
    commit: str
    status: str
    digest: str | None = Field(description="The bundle that came out.")


def _status(run: RunView) -> CommitStatus:
    return CommitStatus(run=run.id, commit=run.input["commit"], status=run.status, digest=run.output.get("digest"))


@router.get("/{name}/commits/{commit}/status", dependencies=[permit("pipelines.read")])
def status(unit: Reading, name: str, commit: str) -> CommitStatus:
    """The newest pipeline run of a commit."""
    return _status(service.status(unit.session, name, commit))


@router.post("/{name}/commits/{commit}/runs", status_code=202, dependencies=[permit("pipelines.run")])
def start(unit: Writing, name: str, commit: str, branch: str = "main") -> CommitStatus:
    """Run the pipeline of a commit again."""
    found = repositories.named(unit.session, name)
    return _status(service.start(unit.session, unit.actor, found.uid, commit, branch))

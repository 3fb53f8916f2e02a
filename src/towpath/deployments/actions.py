"""The template action that brings what was just published to an environment."""

from pydantic import BaseModel, Field

from towpath.deployments import service
from towpath.kit import live
from towpath.kit.errors import Unavailable
from towpath.pipelines import service as pipelines
from towpath.repositories import service as repositories
from towpath.runs import service as runs
from towpath.sdk.types import Action, RunView, StepContext


class Takes(BaseModel):
    """What to deploy, and where."""

    entityRef: str = Field(description="The component.", examples=["component:default/orders"])  # noqa: N815
    environment: str = Field("development", description="Name of the environment.")
    commit: str = Field(description="The commit whose pipeline makes the bundle.")
    timeoutSeconds: float = Field(1800, gt=0, description="How long to wait for pipeline and deployment.")  # noqa: N815


class Gives(BaseModel):
    """Where it answers."""

    url: str | None = Field(description="Address of the service.")
    deploymentId: str  # noqa: N815


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Wait for the pipeline of the commit, then for the one deployment of its bundle."""
    if ctx.dry_run:
        return Gives(url="http://example.localhost", deploymentId="dry-run")
    ctx.log(f"Waiting for the pipeline of {takes.commit[:8]}")
    pipeline = _ended(_pipeline(takes, ctx), takes, ctx)
    with ctx.write() as session:
        deployment = service.ensure(
            session, ctx.actor, takes.entityRef, takes.environment, pipeline.output["digest"],
            commit=takes.commit, root_id=pipeline.root_id,
        )  # fmt: skip
        deployment_id = deployment.id
    ctx.log(f"Waiting for the deployment to {takes.environment}")
    done = _ended(deployment_id, takes, ctx)
    return Gives(url=done.output.get("url"), deploymentId=deployment_id)


def _ended(run_id: str, takes: Takes, ctx: StepContext) -> RunView:
    done = runs.wait_for(ctx, run_id, takes.timeoutSeconds)
    if done.status != "succeeded":
        message = (done.error or {}).get("message", "see its log")
        raise Unavailable(f"{done.title} {done.status}: {message}", hint=f"see /runs/{run_id}, mend it and retry")
    return done


def _pipeline(takes: Takes, ctx: StepContext) -> str:
    for _ in range(600):
        seen = live.count("events")
        ctx.check()
        with ctx.read() as session:
            repository = repositories.of_component(session, takes.entityRef)
            found = pipelines.of_commit(session, repository.uid, takes.commit) if repository else None
        if found:
            return found.id
        live.wait("events", seen, 0.1)
    raise Unavailable(f"no pipeline ran for {takes.commit[:8]}", hint="the repository needs .github/workflows/*.yml")


ACTION = Action(
    "deploy:environment", "Bring the published commit to an environment and wait until it answers", Takes, Gives, run
)

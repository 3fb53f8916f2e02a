"""Use cases of pipelines: start one for a commit, find it, say how a commit fares."""

import re

from sqlalchemy.orm import Session

from towpath.audit.service import audited, note
from towpath.kit.actor import Actor
from towpath.kit.errors import Invalid, NotFound
from towpath.kit.problems import show
from towpath.pipelines import queries
from towpath.pipelines.model import PipelineStep
from towpath.repositories import service as repositories
from towpath.runs import service as runs
from towpath.sdk.types import RunView

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@audited("pipelines.run")
def start(
    session: Session, actor: Actor, repository: str, commit: str, branch: str, *, root_id: str | None = None,
    run_id: str | None = None,
) -> RunView:  # fmt: skip
    """Start the pipeline of a commit, for who may push it; a given `run_id` makes a repeat harmless.

    Raises Invalid for anything but a commit's whole name: git would read words of its command line in it.
    """
    found = repositories.get(session, repository)
    repositories.require_push(session, actor, found)
    if not COMMIT.fullmatch(commit):
        raise Invalid(f"{show(commit)} names no commit", hint="give all 40 hexadecimal digits of its name")
    note(session, subject=f"repository:{found.name}", commit=commit)
    return runs.start(
        session, actor, "pipeline", title=f"Pipeline of {found.name} {commit[:8]}", subject=f"repository:{repository}",
        input={"repository": repository, "name": found.name, "commit": commit, "branch": branch, "url": found.clone_url},
        root_id=root_id, run_id=run_id,
    )  # fmt: skip


def of_commit(session: Session, repository: str, commit: str) -> RunView | None:
    """The newest pipeline run of a commit, or None."""
    found = runs.find(session, kind="pipeline", subject=f"repository:{repository}", given={"commit": commit}, limit=1)
    return next(iter(found), None)


def of_repository(session: Session, repository: str, limit: int = 30) -> list[RunView]:
    """Pipeline runs of a repository, newest first."""
    return runs.find(session, kind="pipeline", subject=f"repository:{repository}", limit=limit)


def steps(session: Session, run_id: str) -> list[PipelineStep]:
    """Jobs and steps of a run as far as they have come."""
    return queries.steps(session, run_id)


def status(session: Session, name: str, commit: str) -> RunView:
    """The pipeline run that tells how a commit of a repository (by name) fares; raises NotFound."""
    run = of_commit(session, repositories.named(session, name).uid, commit)
    if run is None:
        raise NotFound(f"no pipeline ran for {commit[:8]}", hint="push it, or add a workflow")
    return run

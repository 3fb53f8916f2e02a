"""Pages of pipelines: all runs, a component's runs, and the jobs of one run."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from towpath.kit.web import Reading, Writing, permit
from towpath.pipelines import service
from towpath.repositories import service as repositories
from towpath.runs import service as runs
from towpath.ui import service as ui

router = APIRouter(prefix="/pipelines", include_in_schema=False)


@router.get("", dependencies=[permit("pipelines.read")])
def list_page(unit: Reading, before: str | None = None) -> Response:
    """All pipeline runs, newest first."""
    found = runs.find(unit.session, kind="pipeline", before=before, limit=50)
    following = found[-1].id if len(found) == 50 else None
    return ui.page(unit.request, "pipelines/list.html", title="Pipelines", runs=found, following=following)


@router.get("/tab", dependencies=[permit("pipelines.read")])
def tab(unit: Reading, entity: str) -> Response:
    """The runs of a component's repository."""
    found = repositories.of_component(unit.session, entity)
    listed = service.of_repository(unit.session, found.uid) if found else []
    return ui.fragment(unit.request, "pipelines/tab.html", runs=listed, repository=found)


@router.get("/{run_id}/jobs", dependencies=[permit("pipelines.read")])
def jobs(unit: Reading, run_id: str) -> Response:
    """The jobs and steps of a run, as a card."""
    steps = service.steps(unit.session, run_id)
    names = list(dict.fromkeys(step.job for step in steps))
    grouped = [(name, [step for step in steps if step.job == name]) for name in names]
    return ui.fragment(unit.request, "pipelines/jobs.html", jobs=grouped, run=runs.get(unit.session, run_id))


@router.post("/start", dependencies=[permit("pipelines.run")])
def start(
    unit: Writing, repository: Annotated[str, Form()], commit: Annotated[str, Form()], branch: Annotated[str, Form()]
) -> Response:
    """Run a commit's pipeline again."""
    run = service.start(unit.session, unit.actor, repository, commit, branch)
    return RedirectResponse(f"/runs/{run.id}", 303)

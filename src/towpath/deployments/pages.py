"""Pages of deployments: all, one with verdict and plan, the matrix, a promotion's preview; tab and cards of an entity."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from towpath.approvals import service as approvals
from towpath.catalog import service as catalog
from towpath.deployments import service
from towpath.environments import service as environments
from towpath.kit import db
from towpath.kit.errors import NotFound
from towpath.kit.web import Reading, Writing, actor_of, database_of, permit
from towpath.orchestrator import service as orchestrator
from towpath.runs import service as runs
from towpath.ui import service as ui

router = APIRouter(include_in_schema=False)
PAGE = 50


@router.get("/deployments", dependencies=[permit("deployments.read")])
def list_page(unit: Reading, environment: str | None = None, before: str | None = None) -> Response:
    """All deployments, newest first."""
    rows = service.find(unit.session, environment=environment, before=before, limit=PAGE)
    choices = [("", "All", "/deployments")]
    choices += [(one.name, one.title, f"/deployments?environment={one.name}") for one in environments.all(unit.session)]
    following = rows[-1].id if len(rows) == PAGE else None
    return ui.page(
        unit.request, "deployments/list.html", title="Deployments", rows=rows, choices=choices,
        environment=environment or "", following=following,
    )  # fmt: skip


@router.get("/environments", dependencies=[permit("deployments.read")])
def matrix_page(unit: Reading) -> Response:
    """Services by environments: version, age and what is on its way."""
    return ui.page(
        unit.request, "deployments/matrix.html", title="Environments",
        environments=environments.all(unit.session), matrix=service.matrix(unit.session),
    )  # fmt: skip


@router.get("/deployments/card", dependencies=[permit("deployments.read")])
def home_card(unit: Reading) -> Response:
    """The home card: services with their state per environment, one's own first."""
    matrix = service.matrix(unit.session)
    owners = {ref: one.owner for ref, one in catalog.get_many(unit.session, list(matrix)).items()}
    mine = sorted(matrix, key=lambda ref: (owners.get(ref) not in (*unit.actor.groups, unit.actor.ref), ref))
    return ui.fragment(
        unit.request, "deployments/services.html", environments=environments.all(unit.session),
        matrix={ref: matrix[ref] for ref in mine[:8]}, owners=owners,
    )  # fmt: skip


@router.get("/deployments/tab", dependencies=[permit("deployments.read")])
def tab(unit: Reading, entity: str) -> Response:
    """A component's history, with promote and roll back."""
    component = catalog.get(unit.session, entity)
    rows = service.find(unit.session, component_uid=component.uid, limit=PAGE)
    running = {row.environment: row for cell in [service.matrix(unit.session, component.uid)] for row in _running(cell)}
    return ui.fragment(
        unit.request, "deployments/tab.html", component=component, rows=rows, running=running,
        owned=unit.actor.owns(component.owner) and unit.actor.can("deployments.rollback"),
    )  # fmt: skip


def _running(matrix: dict[str, dict[str, service.Cell]]) -> list[service.Deployment]:
    return [cell.current for cells in matrix.values() for cell in cells.values() if cell.current]


@router.get("/deployments/entity", dependencies=[permit("deployments.read")])
def entity_card(unit: Reading, entity: str) -> Response:
    """State per environment, with the next step of promotion."""
    component = catalog.get(unit.session, entity)
    cells = service.matrix(unit.session, component.uid).get(component.ref, {})
    return ui.fragment(
        unit.request, "deployments/entity.html", component=component, environments=environments.all(unit.session),
        cells=cells, owned=unit.actor.owns(component.owner) and unit.actor.can("deployments.promote"),
    )  # fmt: skip


@router.get("/deployments/promote", dependencies=[permit("deployments.promote")])
def preview(request: Request, component: str, source: str, target: str) -> Response:
    """The plan of a promotion before it is asked for: verdict first, one primary button."""
    with db.read(database_of(request)) as session:
        entity = catalog.get(session, component)
        running = service.current(session, entity.uid, source)
        if running is None:
            raise NotFound(f"nothing of {entity.name} runs in {source}", hint="deploy there first")
        coming = service.applying(session, entity.uid, source)
        repository = service.source(session, entity.ref)
    score = service.score_at(repository, running.commit)
    with db.read(database_of(request)) as session:
        plan = service.plan(session, entity.ref, target, running.digest, score)
        verdicts = service.verdicts(session, actor_of(request), plan, "promote")
        wanted = environments.get(session, target)
    return ui.page(
        request, "deployments/promote.html", title=f"Promote {entity.name}", component=entity, source=source,
        target=wanted, running=running, coming=coming, verdicts=verdicts, owned=actor_of(request).owns(entity.owner),
        **orchestrator.drawn(plan),
    )  # fmt: skip


@router.post("/deployments/promote", dependencies=[permit("deployments.promote")])
def promote(
    unit: Writing, component: Annotated[str, Form()], source: Annotated[str, Form()], target: Annotated[str, Form()],
    digest: Annotated[str, Form()],
) -> Response:  # fmt: skip
    """Promote the bundle whose plan was shown, then follow the run."""
    row = service.promote(unit.session, unit.actor, component, source, target, digest=digest)
    return RedirectResponse(f"/runs/{row.id}", 303)


@router.get("/deployments/{deployment_id}", dependencies=[permit("deployments.read")])
def show(unit: Reading, deployment_id: str) -> Response:
    """One deployment: verdict, plan, what changed, and the way back."""
    row = service.get(unit.session, deployment_id)
    component = catalog.find(unit.session, row.component_ref)
    running = service.current(unit.session, row.component_uid, row.environment)
    can = row.status == "succeeded" and running is not None and running.digest != row.digest
    owned = component is not None and unit.actor.owns(component.owner) and unit.actor.can("deployments.rollback")
    return ui.page(
        unit.request, "deployments/show.html", title=f"{row.component_ref.rpartition('/')[2]} to {row.environment}",
        row=row, run=runs.get(unit.session, row.id), changes=service.changes(unit.session, row),
        can_roll_back=can and owned, current=running is not None and running.id == row.id,
    )  # fmt: skip


@router.get("/deployments/{deployment_id}/plan", dependencies=[permit("deployments.read")])
def plan_card(unit: Reading, deployment_id: str, graph: bool = True, review: bool = True) -> Response:
    """Verdicts and plan, as a card of the run (whose own graph is live), the approval (which is the review) and itself."""
    row = service.get(unit.session, deployment_id)
    asked = next((one for one in approvals.of_run(unit.session, row.id) if one.decision == "pending"), None)
    drawn = orchestrator.drawn(orchestrator.from_json(row.plan)) if row.plan else {"plan": None}
    return ui.fragment(
        unit.request,
        "deployments/plan.html",
        row=row,
        verdicts=row.verdicts or [],
        asked=asked if review else None,
        picture=graph,
        **drawn,
    )


@router.post("/deployments/{deployment_id}/rollback", dependencies=[permit("deployments.rollback")])
def rollback(unit: Writing, deployment_id: str) -> Response:
    """Bring the release back, then follow the run."""
    row = service.rollback(unit.session, unit.actor, deployment_id)
    return RedirectResponse(f"/runs/{row.id}", 303)

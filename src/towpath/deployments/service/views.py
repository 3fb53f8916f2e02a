"""What there is: deployments, what runs where, what is on its way, and what differs from before."""

import difflib
from dataclasses import dataclass, replace

from towpath.deployments import queries
from towpath.deployments.model import Deployment
from towpath.environments import service as environments
from towpath.kit import db
from towpath.kit.errors import NotFound
from towpath.organisations import service as organisations
from towpath.runtimes import service as runtimes
from towpath.sdk.types import EntityView

ACTIVE = ("queued", "waiting", "applying")


@dataclass(frozen=True)
class Cell:
    """One service in one environment: what runs there now and how it does, and what is on its way. Either may be absent.

    `state` is a word of `runtimes.health`, empty when nothing runs; `why` says it in words.
    """

    component: str
    environment: str
    current: Deployment | None
    latest: Deployment | None
    state: str = ""
    why: str = ""

    @property
    def way(self) -> Deployment | None:
        """The deployment that is on its way here."""
        return self.latest if self.latest is not None and self.latest.status in ACTIVE else None


def get(session: db.Session, deployment_id: str) -> Deployment:
    """One deployment; raises NotFound."""
    row = queries.get(session, deployment_id)
    if row is None:
        raise NotFound("there is no such deployment")
    return row


def find(
    session: db.Session, *, component_uid: str | None = None, environment: str | None = None,
    before: str | None = None, limit: int = 50,
) -> list[Deployment]:  # fmt: skip
    """Deployments newest first; page with `before` = the last id seen."""
    return queries.find(session, component_uid=component_uid, environment=environment, before=before, limit=limit)


def current(session: db.Session, component_uid: str, environment: str) -> Deployment | None:
    """What runs in an environment: its newest succeeded deployment."""
    rows = queries.current(session, [component_uid])
    return next((row for row in rows if row.environment == environment), None)


def applying(session: db.Session, component_uid: str, environment: str) -> Deployment | None:
    """The deployment that is changing what runs in an environment right now, the newest if there are several."""
    found = queries.find(session, component_uid=component_uid, environment=environment, status=["applying"], limit=1)
    return next(iter(found), None)


def ahead(session: db.Session, deployment_id: str) -> Deployment | None:
    """The deployment that must end before this one is planned: it changes the same environment, or came first.

    A plan made beside it would be stale when its turn comes. One that waits for an approval is in nobody's way.
    """
    mine = get(session, deployment_id)
    found = queries.find(
        session, component_uid=mine.component_uid, environment=mine.environment, status=["queued", "applying"]
    )
    others = (one for one in found if one.id != mine.id and (one.status == "applying" or one.id < mine.id))
    return next(others, None)


def matrix(session: db.Session, component_uid: str | None = None) -> dict[str, dict[str, Cell]]:
    """Services by environments: {component ref: {environment: Cell}}; environments in their order of promotion."""
    names = [one.name for one in environments.all(session)]
    running = queries.current(session, [component_uid] if component_uid else None)
    latest = queries.find(session, component_uid=component_uid, status=[*ACTIVE, "failed"], limit=200)
    cells: dict[str, dict[str, Cell]] = {}
    for ref in sorted({row.component_ref for row in [*running, *latest]}):
        cells[ref] = {name: Cell(ref, name, None, None) for name in names}
    health = runtimes.health(db.database(session).name)
    for row in running:
        state, why = health.get((row.component_ref.rpartition("/")[2], row.environment), ("stopped", "it does not run"))
        cells[row.component_ref][row.environment] = Cell(row.component_ref, row.environment, row, None, state, why)
    for row in reversed(latest):
        cell = cells[row.component_ref].get(row.environment)
        if cell is not None and (cell.current is None or row.id > cell.current.id):
            cells[row.component_ref][row.environment] = replace(cell, latest=row)
    return cells


def changes(session: db.Session, row: Deployment) -> list[tuple[str, str, str]]:
    """What differs from the deployment that ran before: (what, before, now) for bundle, commit and workload lines."""
    before = next(
        (
            one
            for one in queries.find(session, component_uid=row.component_uid, environment=row.environment, limit=100)
            if one.id < row.id and one.status == "succeeded"
        ),
        None,
    )
    if before is None:
        return [("first release here", "", row.commit[:8])]
    found = [("commit", before.commit[:8], row.commit[:8]), ("bundle", before.digest[:19], row.digest[:19])]
    old, new = (before.score or "").splitlines(), (row.score or "").splitlines()
    lines = [line for line in difflib.unified_diff(old, new, lineterm="", n=0) if line[:3] not in ("---", "+++")]
    found += [
        ("score.yaml", line[1:], "") if line[0] == "-" else ("score.yaml", "", line[1:])
        for line in lines
        if line[0] in "+-"
    ]
    return [one for one in found if one[1] != one[2]]


def hosts(session: db.Session, component: EntityView) -> list[str]:
    """The hostnames that a component's deployments claimed, one an environment; what a namesake answers for is not its."""
    return [
        organisations.hostname_for(db.database(session).name, component.name, name)
        for name in queries.environments(session, component.uid)
        if not queries.namesake(session, component.uid, component.name, name)
    ]


def active(session: db.Session, component_uid: str) -> list[Deployment]:
    """Deployments of a component that have not ended."""
    return queries.find(session, component_uid=component_uid, status=ACTIVE, limit=500)

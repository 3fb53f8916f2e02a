"""What deployments contribute."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.deployments import api, pages, removal
from towpath.deployments.actions import ACTION
from towpath.deployments.jobs import DEPLOYMENT
from towpath.deployments.subscribers import SUBSCRIBERS
from towpath.kit.actor import Actor
from towpath.kit.db import Session
from towpath.sdk.hooks import hook
from towpath.sdk.types import (
    Action,
    Card,
    EntityView,
    Job,
    NavItem,
    Permission,
    Removal,
    Role,
    RunView,
    Subscriber,
    Tab,
)


@hook
def permissions() -> Sequence[Permission]:
    """Deploying, promoting, rolling back."""
    return [
        Permission("deployments.read", Role.viewer, "See deployments and environments"),
        Permission("deployments.deploy", Role.developer, "Deploy to the first environment"),
        Permission("deployments.promote", Role.developer, "Promote one's own services"),
        Permission("deployments.rollback", Role.developer, "Roll back one's own services"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST and pages."""
    return [api.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of deployments."""
    return [str(Path(__file__).parent / "html")]


@hook
def navigation() -> Sequence[NavItem]:
    """Deployments and Environments."""
    return [
        NavItem("Deployments", "/deployments", "rocket", 30, permission="deployments.read"),
        NavItem("Environments", "/environments", "layers", 40, permission="deployments.read"),
    ]


@hook
def home_cards(actor: Actor) -> Sequence[Card]:
    """My services with state and last deployment."""
    return (
        [Card("services", "Services", "/deployments/card", order=10, wide=True, live=True)]
        if actor.can("deployments.read")
        else []
    )


@hook
def entity_tabs(entity: EntityView) -> Sequence[Tab]:
    """The history of a component's deployments."""
    shown = entity.kind == "Component" and entity.location.startswith("url:towpath:")
    return (
        [Tab("deployments", "Deployments", f"/deployments/tab?entity={entity.ref}", order=30, live=True)]
        if shown
        else []
    )


@hook
def entity_cards(entity: EntityView) -> Sequence[Card]:
    """State per environment, with the latest deployment."""
    shown = entity.kind == "Component" and entity.location.startswith("url:towpath:")
    return (
        [Card("environments", "Environments", f"/deployments/entity?entity={entity.ref}", 5, wide=True, live=True)]
        if shown
        else []
    )


@hook
def run_cards(run: RunView) -> Sequence[Card]:
    """A deployment's verdict and plan."""
    if run.kind != "deployment":
        return []
    # Who waits for a decision reads the plan before the resources, which do not exist yet.
    order = 20 if run.status == "waiting" else 30
    return [Card("plan", "Plan", f"/deployments/{run.id}/plan?graph=0", order=order, wide=True)]


@hook
def approval_card(subject: str) -> Sequence[Card]:
    """The plan that an approver decides on."""
    return [Card("plan", "Plan", f"/deployments/{subject.removeprefix('run:')}/plan?review=0", wide=True)]


@hook
def template_actions() -> Sequence[Action]:
    """`deploy:environment`."""
    return [ACTION]


@hook
def jobs() -> Sequence[Job]:
    """The deployment run."""
    return [DEPLOYMENT]


@hook
def subscribers() -> Sequence[Subscriber]:
    """A bundle exists, an entity arrived, somebody decided."""
    return SUBSCRIBERS


@hook
def entity_removals(session: Session, entity: EntityView) -> Sequence[Removal]:
    """Stop what is on its way, and forget the history."""
    return removal.removals(session, entity)

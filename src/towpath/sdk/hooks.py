"""Every hook of the platform on one page. Built-in capabilities are its first users; a stranger's plugin sees the same.

Implement a hook by decorating a function of that name with `@hook` in your `plug.py`. All hooks collect lists unless said.
"""

from collections.abc import Sequence
from typing import Any

import click
import pluggy
from fastapi import APIRouter
from sqlalchemy.orm import Session

from towpath.kit.actor import Actor
from towpath.kit.events import Subscriber
from towpath.kit.jobs import Job
from towpath.sdk.backup import BackupPart
from towpath.sdk.types import (
    Action,
    ActionLink,
    Card,
    Driver,
    Engine,
    EntityView,
    KindSpec,
    NavItem,
    Permission,
    Plan,
    Removal,
    RunView,
    Source,
    Tab,
    Verdict,
)

PROJECT = "towpath"
spec = pluggy.HookspecMarker(PROJECT)
hook = pluggy.HookimplMarker(PROJECT)


@spec
def permissions() -> Sequence[Permission]:
    """Permissions this capability asks for, each with the least role that holds it."""
    raise AssertionError


@spec
def routers() -> Sequence[APIRouter]:
    """Routers of REST endpoints and pages; every route carries `permit(...)`."""
    raise AssertionError


@spec
def template_folders() -> Sequence[str]:
    """Folders of Jinja templates (absolute paths), each holding one folder named like the capability."""
    raise AssertionError


@spec
def navigation() -> Sequence[NavItem]:
    """Entries of the left navigation."""
    raise AssertionError


@spec
def home_cards(actor: Actor) -> Sequence[Card]:
    """Cards of the home page for this actor."""
    raise AssertionError


@spec
def entity_tabs(entity: EntityView) -> Sequence[Tab]:
    """Tabs of an entity's page beside Overview."""
    raise AssertionError


@spec
def entity_cards(entity: EntityView) -> Sequence[Card]:
    """Cards of an entity's Overview."""
    raise AssertionError


@spec
def entity_actions(entity: EntityView, actor: Actor) -> Sequence[ActionLink]:
    """Entries of an entity's actions menu."""
    raise AssertionError


@spec
def run_cards(run: RunView) -> Sequence[Card]:
    """Cards of a run's page: a pipeline's jobs, a deployment's graph, a task's finish panel."""
    raise AssertionError


@spec
def approval_card(subject: str) -> Sequence[Card]:
    """What an approver must see before deciding on `subject`: the plan itself."""
    raise AssertionError


@spec
def kinds() -> Sequence[KindSpec]:
    """Kinds of entity this capability contributes."""
    raise AssertionError


@spec
def sources() -> Sequence[Source]:
    """Readers of location URLs, one per scheme."""
    raise AssertionError


@spec(firstresult=True)
def groups_of(session: Session, user_ref: str) -> list[str] | None:
    """Refs of the groups a user belongs to, parents included; one answer only."""
    raise AssertionError


@spec(firstresult=True)
def owner_of(session: Session, subject: str) -> str | None:
    """Ref of who owns a subject such as `component:default/orders` or `repository:<uid>`; None when it is not of this kind."""
    raise AssertionError


@spec
def entity_removals(session: Session, entity: EntityView) -> Sequence[Removal]:
    """What deleting the entity takes away here, and the step that does it."""
    raise AssertionError


@spec
def tidy() -> None:
    """Remove what nobody needs any more; called after the start and every hour, with no session open.

    A repeat, or two replicas at once, must be fine. What one plugin raises is logged and keeps no other from tidying.
    """
    raise AssertionError


@spec
def backup_parts() -> Sequence[BackupPart]:
    """What this capability keeps outside the databases and a backup must hold."""
    raise AssertionError


@spec
def jobs() -> Sequence[Job]:
    """Kinds of run."""
    raise AssertionError


@spec
def subscribers() -> Sequence[Subscriber]:
    """Who reacts to which events."""
    raise AssertionError


@spec
def template_actions() -> Sequence[Action]:
    """Actions a golden path may use as steps."""
    raise AssertionError


@spec
def resource_drivers() -> Sequence[Driver]:
    """Drivers of resource types."""
    raise AssertionError


@spec
def gates(session: Session, plan: Plan, actor: Actor) -> Sequence[Verdict]:
    """Verdicts on a plan before it is applied; the strictest one wins."""
    raise AssertionError


@spec
def engines() -> Sequence[Engine]:
    """Engines to start with the platform, in the order of their capabilities."""
    raise AssertionError


@spec
def commands() -> Sequence[click.Command]:
    """Commands of the `towpath` command line."""
    raise AssertionError


@spec
def started(app: Any) -> None:
    """The platform is up: resume what was left, begin watching. Must return at once."""
    raise AssertionError


@spec
def stopping() -> None:
    """The portal is about to end: stop threads and children of your own."""
    raise AssertionError

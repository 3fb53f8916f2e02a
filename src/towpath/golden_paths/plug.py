"""What golden paths contribute."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.golden_paths import api, pages
from towpath.golden_paths.actions import (
    catalog_write,
    debug_log,
    debug_wait,
    fetch_plain,
    fetch_template,
    fs_delete,
    fs_rename,
)
from towpath.golden_paths.engine import TemplateEngine
from towpath.golden_paths.jobs import JOB
from towpath.golden_paths.spec import TEMPLATE
from towpath.kit.actor import Actor
from towpath.kit.jobs import Job
from towpath.sdk.hooks import hook
from towpath.sdk.types import (
    Action,
    ActionLink,
    Card,
    Engine,
    EntityView,
    KindSpec,
    NavItem,
    Permission,
    Role,
    RunView,
)


@hook
def permissions() -> Sequence[Permission]:
    """Who may look at golden paths, and who may walk one."""
    return [
        Permission("golden_paths.read", Role.viewer, "See the golden paths and the tasks that walked them"),
        Permission("golden_paths.create", Role.developer, "Start a golden path"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """Backstage's scaffolder API and the pages below /create."""
    return [api.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Pages of this capability."""
    return [str(Path(__file__).parent / "html")]


@hook
def kinds() -> Sequence[KindSpec]:
    """The kind of entity that is a golden path."""
    return [TEMPLATE]


@hook
def navigation() -> Sequence[NavItem]:
    """Create stands third, after Home and Catalog."""
    return [NavItem("Create", "/create", "plus", order=20, permission="golden_paths.read")]


@hook
def home_cards(actor: Actor) -> Sequence[Card]:
    """Where to start."""
    if not actor.can("golden_paths.read"):
        return []
    return [Card("golden-paths", "Golden paths for you", "/create/cards/home", order=30)]


@hook
def entity_actions(entity: EntityView, actor: Actor) -> Sequence[ActionLink]:
    """The way from a template's page to its form."""
    if entity.kind != "Template" or not actor.can("golden_paths.read"):
        return []
    return [ActionLink("Use this golden path", f"/create/templates/{entity.namespace}/{entity.name}", "plus", order=10)]


@hook
def run_cards(run: RunView) -> Sequence[Card]:
    """The finish panel of a task."""
    return [Card("finish", "What was made", f"/create/cards/finish/{run.id}", order=1)] if run.kind == "task" else []


@hook
def jobs() -> Sequence[Job]:
    """Tasks."""
    return [JOB]


@hook
def template_actions() -> Sequence[Action]:
    """Files of the workspace, the catalog file, the log."""
    return [
        fetch_plain.ACTION,
        fetch_template.ACTION,
        fs_delete.ACTION,
        fs_rename.ACTION,
        catalog_write.ACTION,
        debug_log.ACTION,
        debug_wait.ACTION,
    ]


@hook
def engines() -> Sequence[Engine]:
    """The template language."""
    return [TemplateEngine()]

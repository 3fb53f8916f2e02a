"""What the orchestrator contributes."""

from collections.abc import Sequence
from pathlib import Path

import click
from fastapi import APIRouter

from towpath.kit.actor import Role
from towpath.kit.db import Session
from towpath.orchestrator import api, cli, jobs, pages
from towpath.orchestrator.drivers import dns, postgres, postgres_backup, values, volume
from towpath.orchestrator.drivers.postgres_engine import WorkloadPostgres
from towpath.orchestrator.spec import ResourceDefinitionSpec
from towpath.sdk.backup import BackupPart
from towpath.sdk.hooks import hook
from towpath.sdk.types import Card, Driver, Engine, EntityView, KindSpec, Permission, Removal, RunView, Tab


@hook
def permissions() -> Sequence[Permission]:
    """Looking at resources, and asking what a workload would become."""
    return [
        Permission("orchestrator.read", Role.viewer, "See resources and their outputs"),
        Permission("orchestrator.plan", Role.developer, "Plan a workload without applying it"),
    ]


@hook
def kinds() -> Sequence[KindSpec]:
    """Definitions come from granted locations: they decide what runs with which rights."""
    return [
        KindSpec(
            name="ResourceDefinition",
            api_versions=("towpath.dev/v1",),
            model=ResourceDefinitionSpec,
            supply="granted",
            plural="Resource definitions",
            icon="puzzle",
            description="Which driver brings resources of a type about, where it applies, and with what.",
        )
    ]


@hook
def resource_drivers() -> Sequence[Driver]:
    """Drivers that need no engine but files and PostgreSQL; service and route are those of runtimes."""
    return [dns.DRIVER, values.DRIVER, volume.DRIVER, postgres.DRIVER]


@hook
def engines() -> Sequence[Engine]:
    """PostgreSQL for workloads."""
    return [WorkloadPostgres()]


@hook
def routers() -> Sequence[APIRouter]:
    """REST, tab and cards."""
    return [api.router, pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of plan and resources."""
    return [str(Path(__file__).parent / "html")]


@hook
def entity_tabs(entity: EntityView) -> Sequence[Tab]:
    """Resources of a component."""
    return pages.tabs(entity)


@hook
def run_cards(run: RunView) -> Sequence[Card]:
    """The graph of a deployment."""
    return pages.cards(run)


@hook
def entity_removals(session: Session, entity: EntityView) -> Sequence[Removal]:
    """A component's resources go before its secrets."""
    return jobs.removal(session, entity)


@hook
def commands() -> Sequence[click.Command]:
    """`towpath score plan`."""
    return [cli.score]


@hook
def backup_parts() -> Sequence[BackupPart]:
    """The databases of workloads."""
    return [postgres_backup.PART]

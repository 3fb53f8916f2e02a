"""`towpath score plan`: what a workload would become, with the documents that ship with the platform; needs no portal."""

import sys
from importlib import resources
from pathlib import Path

import click

from towpath.kit.errors import TowpathError
from towpath.orchestrator.stages.load import load
from towpath.orchestrator.stages.offline import component_of, snapshot_of
from towpath.orchestrator.stages.plan import plan as make_plan
from towpath.sdk.types import Plan


@click.group()
def score() -> None:
    """Work with Score workloads."""


@score.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--env", "environment", default="development", show_default=True, help="Environment to plan for.")
@click.option(
    "--platform", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of environments and definitions; absent: those that ship.",
)  # fmt: skip
def plan(file: Path, environment: str, platform: Path | None) -> None:
    """Show nodes, why each definition matched, and changes. Problems are told as file:line:column, exit code 2."""
    try:
        data = file.read_bytes()
        snapshot = snapshot_of(_documents(platform), component_of(data, str(file)), environment)
        made = make_plan(load(data, str(file)), snapshot)
    except TowpathError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        click.echo(error.message + (f" ({error.hint})" if error.hint else ""), err=True)
        sys.exit(error.exit_code)
    _show(made)


def _documents(platform: Path | None) -> dict[str, bytes]:
    if platform:
        return {str(path): path.read_bytes() for path in sorted(platform.glob("*.yaml"))}
    shipped = resources.files("towpath.demo") / "platform"
    return {one.name: one.read_bytes() for one in shipped.iterdir() if one.name.endswith(".yaml")}


def _show(made: Plan) -> None:
    actions = {change.uid: change for change in made.changes}
    click.echo(f"{made.workload} in {made.environment}: {len(made.nodes)} resources, digest {made.digest[:12]}")
    for number, node in enumerate(made.nodes, 1):
        change = actions[node.uid]
        click.echo(f"{number}. {change.action} {node.type} {node.id}  ({node.uid})")
        click.echo(f"   {node.definition} by the driver {node.driver}: {node.why}")
        for needed in node.depends_on:
            click.echo(f"   after {needed}")
        for detail in change.details:
            click.echo(f"   {detail}")

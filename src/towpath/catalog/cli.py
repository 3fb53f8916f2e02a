"""`towpath catalog …`: check descriptors offline, and register locations."""

import sys
from pathlib import Path

import click

from towpath.catalog import service
from towpath.kit.errors import Invalid


@click.group()
def catalog() -> None:
    """Check and register catalog descriptors."""


@catalog.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def lint(files: tuple[Path, ...]) -> None:
    """Check descriptors (files or folders) without a database; exit code 2 when one has a problem."""
    found = service.lint(files)
    for problem in found.problems:
        click.echo(str(problem))
    for problem in found.warnings:
        click.echo(f"{problem} [warning]")
    click.echo(
        f"{len(found.entities)} entities, {len(found.problems)} problems, {len(found.warnings)} warnings", err=True
    )
    if found.problems:
        sys.exit(
            Invalid.exit_code
        )  # the entrance runs click without its standalone mode, which would lose an exit code


@catalog.command()
@click.argument("location")
@click.option("--grant", is_flag=True, help="Let it supply platform kinds, templates, people and groups.")
@click.option("--as", "ref", default="user:default/administrator", show_default=True, help="User ref that acts.")
@click.option("--organisation", default=None, help="Organisation; default: the first.")
@click.pass_obj
def register(obj: dict[str, object], location: str, grant: bool, ref: str, organisation: str | None) -> None:
    """Register a location with the running portal and print the refs of its entities."""
    ask = obj["ask"]
    assert callable(ask)  # noqa: S101 (the entrance gives it)
    for one in ask("catalog.register", location=location, ref=ref, organisation=organisation, granted=grant):
        click.echo(one)

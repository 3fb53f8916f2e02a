"""`towpath events …`: what could not be delivered, and delivering again."""

from typing import Any

import click


@click.group()
def events() -> None:
    """Look at deliveries of events, and repeat them."""


@events.command()
@click.option("--organisation", default=None, help="Organisation; default: the first.")
@click.pass_obj
def parked(obj: dict[str, object], organisation: str | None) -> None:
    """List deliveries that were given up after ten tries."""
    found = _ask(obj, "events.parked", organisation=organisation)
    for one in found:
        click.echo(f"{one['time']}  {one['subscriber']}  {one['type']}  {one['subject']}\n  {one['error']}")
    click.echo(f"{len(found)} parked", err=True)


@events.command()
@click.argument("name")
@click.option("--parked", "only_parked", is_flag=True, help="Only what was given up.")
@click.option("--as", "ref", default="user:default/administrator", show_default=True, help="User ref that acts.")
@click.option("--organisation", default=None, help="Organisation; default: the first.")
@click.pass_obj
def replay(obj: dict[str, object], name: str, only_parked: bool, ref: str, organisation: str | None) -> None:
    """Deliver to the subscriber NAME again every event it hears, to rebuild what it keeps."""
    count = _ask(obj, "events.replay", name=name, only_parked=only_parked, ref=ref, organisation=organisation)
    click.echo(f"{count} events are delivered to {name} again")


def _ask(obj: dict[str, object], command: str, **arguments: object) -> Any:
    ask = obj["ask"]
    assert callable(ask)  # noqa: S101 (the entrance gives it)
    return ask(command, **arguments)

"""The `towpath` command. What a running portal can answer is asked over its socket; only the rest loads the platform."""

import importlib
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from towpath.kit import control, engines, settings
from towpath.kit.errors import TowpathError, Unavailable

END_S = 60.0


def _serving() -> Any:
    return importlib.import_module("towpath.serving")


class Commands(click.Group):
    """The commands of the platform itself, and those of capabilities, which are loaded when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command by name."""
        self.extend()
        return sorted(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, or None."""
        if cmd_name not in self.commands:
            self.extend()
        return self.commands.get(cmd_name)

    def extend(self) -> None:
        """Add what capabilities contribute."""
        for command in _serving().plugin_commands():
            self.add_command(command)


@click.group(cls=Commands)
def towpath() -> None:
    """An internal developer platform in one install."""


@towpath.command()
@click.option("--demo/--no-demo", default=None, help="Load the demo organisation (default: TOWPATH_DEMO, which is on).")
def up(demo: bool | None) -> None:
    """Start everything and serve the portal until Ctrl-C."""
    if demo is not None:
        settings.use(settings.current().model_copy(update={"demo": demo}))
    _serving().serve(announce=True)


@towpath.command()
def serve() -> None:
    """Serve the portal without a word, for a process manager."""
    _serving().serve(announce=False)


@towpath.command()
def work() -> None:
    """Execute runs without serving pages: another replica on PostgreSQL."""
    _serving().work()


@towpath.command()
@click.option("--services", is_flag=True, help="End the services too, and every engine that carries them.")
def down(services: bool) -> None:
    """Stop the portal; services keep running unless --services."""
    try:
        pid = control.call(control.portal_socket(), "stop", services=services)
        _await_end(int(pid))
        click.echo("The portal has stopped.")
    except Unavailable:
        click.echo("No portal was running.")
        if services:
            _serving().end_engines()
    click.echo(engines.still_running())


def _await_end(pid: int) -> None:
    # A portal that ended may wait for its parent to reap it: that one is gone too, though its pid still takes signals.
    until = time.monotonic() + END_S
    while engines.start_time(pid) is not None:
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


@towpath.command()
def doctor() -> None:
    """Say what is missing, why, how to mend it, and what is degraded on this host."""
    serving = _serving()
    found = serving.doctor()
    for one in found:
        click.echo(f"{serving.MARKS[one.state]} {one.engine:<14} {one.state:<9} {one.detail}")
        if one.mend:
            click.echo(f"  {'':<14} → {one.mend}")
    sys.exit(1 if any(one.state == "missing" for one in found) else 0)


def ask(command: str, **arguments: Any) -> Any:
    """Ask the running portal, or with none running take the lock and do it here; progress goes to stderr."""
    try:
        return control.call(control.portal_socket(), command, say=_say, **arguments)
    except Unavailable:
        return _serving().answer(command, arguments, _say)


def _say(text: str) -> None:
    click.echo(f"{text} …", err=True)


@towpath.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def backup(file: Path | None) -> None:
    """Write the whole install to FILE (default: towpath-TIME.tar here), while it serves."""
    path = file or Path(f"towpath-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar")
    click.echo(ask("backup", path=str(path.absolute())))


@towpath.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(file: Path) -> None:
    """Make an empty data folder the install that a backup holds."""
    click.echo(_serving().restore(file, _say))


@towpath.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.argument("name")
@click.option("--as", "ref", required=True, help="User ref, for example user:default/developer.")
@click.option("--days", type=int, default=90, show_default=True, help="Days until it ends.")
@click.option("--organisation", default=None, help="Organisation; default: the first.")
def create_token(name: str, ref: str, days: int, organisation: str | None) -> None:
    """Make a token that acts as a user, and print it alone."""
    click.echo(ask("token.create", name=name, ref=ref, days=days, organisation=organisation))


def main() -> None:
    """Run the command line; an error is one message, its hint and an exit code, never a traceback."""
    try:
        towpath(standalone_mode=False, obj={"ask": ask})
    except TowpathError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)

"""The `towpath` command. Commands that need data ask the running portal; with none running they open it themselves."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import uvicorn

from towpath import bootstrap, capabilities
from towpath.app import create_app
from towpath.catalog import service as catalog
from towpath.identity import service as identity
from towpath.kit import control, db, engines, ports, settings
from towpath.kit.errors import Conflict, TowpathError, Unavailable
from towpath.organisations import service as organisations
from towpath.platform import Platform
from towpath.sdk import plugins

MARKS = {"ok": "✓", "degraded": "!", "missing": "✗"}


def _socket() -> Path:
    return engines.run_folder() / "portal.sock"


@click.group()
def towpath() -> None:
    """An internal developer platform in one install."""


@towpath.command()
@click.option("--demo/--no-demo", default=None, help="Load the demo organisation (default: TOWPATH_DEMO, which is on).")
def up(demo: bool | None) -> None:
    """Start everything and serve the portal until Ctrl-C."""
    if demo is not None:
        settings.use(settings.current().model_copy(update={"demo": demo}))
    _serve(announce=True)


@towpath.command()
def serve() -> None:
    """Serve the portal without a word, for a process manager."""
    _serve(announce=False)


def _serve(*, announce: bool) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    began = time.monotonic()
    config = settings.current()
    say: Callable[[str], None] = click.echo if announce else lambda text: None
    _port_free(config.host, config.port)
    platform = Platform(config)
    say(f"Preparing the databases in {config.home} …")
    platform.prepare()
    password = bootstrap.first_start(config)
    bootstrap.load_documents(config)
    say("Starting the engines …")
    app = create_app(platform)
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=config.host, port=config.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
        )
    )  # fmt: skip
    listener = control.ControlServer(_socket(), {**_commands(), "stop": lambda arguments: _stop(server)})

    async def welcome() -> None:
        for one in platform.doctor():
            if one.state != "ok":
                say(f"  {MARKS[one.state]} {one.engine}: {one.detail}. {one.mend}")
        say(f"\nTowpath is at {config.url}  (started in {time.monotonic() - began:.1f} s)")
        if config.demo:
            names = ", ".join(login for login, _, _ in bootstrap.ACCOUNTS)
            say(f"Sign in as {names} with the password '{bootstrap.DEMO_PASSWORD}', or pick one on the page.")
        if password:
            click.echo(f"Sign in as administrator with the password '{password}'; it is not shown again.")
        say("Ctrl-C stops the portal; services keep running until 'towpath down --services'.")

    try:
        _run(server, welcome)
    finally:
        listener.close()
    say(f"\nThe portal has stopped. {_still_serving()}")


def _run(server: uvicorn.Server, welcome: Callable[[], Any]) -> None:
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        if server.started:
            await welcome()

    server.startup = startup  # type: ignore[method-assign]  # uvicorn has no hook for "now listening"
    server.run()


def _still_serving() -> str:
    left = engines.running()
    if not left:
        return "Nothing of this install runs any more."
    return f"Still running: {', '.join(left)}, with your services. End them with 'towpath down --services'."


def _port_free(host: str, port: int) -> None:
    if not ports.free(port):
        holder = ports.holder(port)
        raise Conflict(
            f"port {port} of {host} is taken by {holder}", hint="end it, or set TOWPATH_PORT to another port"
        )


def _stop(server: uvicorn.Server) -> int:
    server.should_exit = True
    return os.getpid()


@towpath.command()
@click.option("--services", is_flag=True, help="End the services too, and every engine that carries them.")
def down(services: bool) -> None:
    """Stop the portal; services keep running unless --services."""
    try:
        pid = control.call(_socket(), "stop")
        _await_end(int(pid))
        click.echo("The portal has stopped.")
    except Unavailable:
        click.echo("No portal was running.")
    if services:
        platform = Platform(settings.current())
        platform.lock()
        platform.end_engines()
        platform.unlock()
    click.echo(_still_serving())


def _await_end(pid: int) -> None:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)


@towpath.command()
def work() -> None:
    """Execute runs without serving pages: another replica on PostgreSQL."""
    config = settings.current()
    if not config.database_url:
        raise Conflict("a second process needs PostgreSQL", hint="set TOWPATH_DATABASE_URL, or use 'towpath up'")
    platform = Platform(config)
    platform.prepare()
    platform.start(None)
    stop = [False]
    signal.signal(signal.SIGTERM, lambda *_: stop.__setitem__(0, True))
    signal.signal(signal.SIGINT, lambda *_: stop.__setitem__(0, True))
    while not stop[0]:
        time.sleep(0.2)
    platform.stop()


@towpath.command()
def doctor() -> None:
    """Say what is missing, why, how to mend it, and what is degraded on this host."""
    found = Platform(settings.current()).doctor()
    for one in found:
        click.echo(f"{MARKS[one.state]} {one.engine:<14} {one.state:<9} {one.detail}")
        if one.mend:
            click.echo(f"  {'':<14} → {one.mend}")
    sys.exit(1 if any(one.state == "missing" for one in found) else 0)


# ── commands that need data ───────────────────────────────────────────────────────────────────────────────────────────
def _create_token(arguments: Mapping[str, Any]) -> str:
    organisation = arguments.get("organisation") or organisations.databases()[0].name
    actor = identity.by_ref(organisation, str(arguments["ref"]))
    with db.write(organisations.database(organisation)) as session:
        return identity.create_token(session, actor, str(arguments["name"]), days=arguments.get("days")).secret


def _register(arguments: Mapping[str, Any]) -> list[str]:
    organisation = arguments.get("organisation") or organisations.databases()[0].name
    actor = identity.by_ref(organisation, str(arguments.get("ref") or "user:default/administrator"))
    ref = organisations.database(organisation)
    with db.read(ref) as session:
        files = catalog.fetch(session, str(arguments["location"]))
    with db.write(ref) as session:
        return [one.ref for one in catalog.register(session, actor, str(arguments["location"]), files=files)]


def _commands() -> dict[str, control.Command]:
    return {"token.create": _create_token, "catalog.register": _register}


def ask(command: str, **arguments: Any) -> Any:
    """Ask the running portal, or with none running take the lock and do it here."""
    try:
        return control.call(_socket(), command, **arguments)
    except Unavailable:
        platform = Platform(settings.current())
        platform.prepare()
        bootstrap.first_start(settings.current())
        bootstrap.load_documents(settings.current())
        try:
            return _commands()[command](arguments)
        finally:
            platform.unlock()


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
        plugins.load(capabilities.plugs())
        for command in plugins.collect(plugins.call().commands()):
            towpath.add_command(command)
        towpath(standalone_mode=False, obj={"ask": ask})
    except TowpathError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)

"""What the heavy commands do. The command line loads this only when it must, so that asking a running portal is quick."""

import logging
import os
import signal
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import click
import uvicorn

from towpath import backup, bootstrap, capabilities
from towpath.app import create_app
from towpath.catalog import service as catalog
from towpath.identity import service as identity
from towpath.kit import clock, control, db, engines, ports, settings
from towpath.kit.errors import Conflict, NotFound
from towpath.organisations import service as organisations
from towpath.platform import Platform
from towpath.portal import service as portal
from towpath.sdk import plugins
from towpath.sdk.types import Health

MARKS = {"ok": "✓", "degraded": "!", "missing": "✗"}


def serve(*, announce: bool) -> None:
    """Serve the portal until Ctrl-C or `towpath down`; raises Conflict when its port or data folder is taken."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    began = time.monotonic()
    config = settings.current()
    say: Callable[[str], None] = click.echo if announce else lambda text: None
    platform = _install()
    platform.lock()
    _port_free(config.host, config.port)
    say(f"Preparing the databases in {config.home} …")
    platform.prepare()
    platform.admit()
    password = bootstrap.first_start(config)
    bootstrap.load_documents(config)
    say("Starting the engines …")
    app = create_app(platform)
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=config.host, port=config.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
        )
    )  # fmt: skip
    services_too = [False]

    def stop(arguments: Mapping[str, Any]) -> int:
        services_too[0] = bool(arguments.get("services"))
        server.should_exit = True
        return os.getpid()

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
            bootstrap.forget_password(config)
        say("Ctrl-C stops the portal; services keep running until 'towpath down --services'.")

    listener = control.ControlServer(control.portal_socket(), {**COMMANDS, "stop": stop})
    try:
        _run(server, welcome)
    finally:
        listener.close()
    if services_too[0]:
        platform.end_engines()
    say(f"\nThe portal has stopped. {engines.still_running()}")


def _install() -> Platform:
    """The install of this data folder; raises Conflict when a restore was cut off in it."""
    backup.refuse_half()
    return Platform(settings.current())


def _run(server: uvicorn.Server, welcome: Callable[[], Any]) -> None:
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        if server.started:
            await welcome()

    server.startup = startup  # type: ignore[method-assign]  # uvicorn has no hook for "now listening"
    server.run()


def _port_free(host: str, port: int) -> None:
    if not ports.free(port):
        holder = ports.holder(port)
        raise Conflict(
            f"port {port} of {host} is taken by {holder}", hint="end it, or set TOWPATH_PORT to another port"
        )


def work() -> None:
    """Execute runs until told to end; raises Conflict on SQLite, which one process owns."""
    config = settings.current()
    if not config.database_url:
        raise Conflict("a second process needs PostgreSQL", hint="set TOWPATH_DATABASE_URL, or use 'towpath up'")
    platform = _install()
    platform.prepare()
    platform.admit()
    platform.start(None)
    stop = [False]
    signal.signal(signal.SIGTERM, lambda *_: stop.__setitem__(0, True))
    signal.signal(signal.SIGINT, lambda *_: stop.__setitem__(0, True))
    while not stop[0]:
        time.sleep(0.2)
    platform.stop()


def end_engines() -> None:
    """End every engine of this install, with no portal running."""
    platform = Platform(settings.current())
    platform.lock()
    platform.end_engines()
    platform.unlock()


def doctor() -> list[Health]:
    """The health of the host and of every engine."""
    return Platform(settings.current()).doctor()


# ── commands that need data ───────────────────────────────────────────────────────────────────────────────────────────
def _organisation(arguments: Mapping[str, Any]) -> str:
    """The organisation a command names, or the first; raises NotFound: to open what is not there would make a database."""
    named, known = arguments.get("organisation"), [one.name for one in organisations.databases()]
    if named and named not in known:
        raise NotFound(f"there is no organisation '{named}'", hint=f"there are: {', '.join(known)}")
    return str(named or known[0])


def _create_token(arguments: Mapping[str, Any]) -> str:
    organisation = _organisation(arguments)
    actor = identity.by_ref(organisation, str(arguments["ref"]))
    with db.write(organisations.database(organisation)) as session:
        return identity.create_token(session, actor, str(arguments["name"]), days=arguments.get("days")).secret


def _register(arguments: Mapping[str, Any]) -> list[str]:
    organisation = _organisation(arguments)
    actor = identity.by_ref(organisation, str(arguments.get("ref") or "user:default/administrator"))
    ref = organisations.database(organisation)
    with db.read(ref) as session:
        files = catalog.fetch(session, str(arguments["location"]))
    with db.write(ref) as session:
        location, granted = str(arguments["location"]), bool(arguments.get("granted"))
        return [one.ref for one in catalog.register(session, actor, location, files=files, granted=granted)]


def _parked(arguments: Mapping[str, Any]) -> list[dict[str, str]]:
    organisation = _organisation(arguments)
    with db.read(organisations.database(organisation)) as session:
        return [
            {
                "time": clock.iso(one.event.time), "subscriber": one.subscriber, "type": one.event.type,
                "subject": one.event.subject, "error": one.error,
            }
            for one in portal.parked(session)
        ]  # fmt: skip


def _replay(arguments: Mapping[str, Any]) -> int:
    organisation = _organisation(arguments)
    actor = identity.by_ref(organisation, str(arguments["ref"]))
    with db.write(organisations.database(organisation)) as session:
        return portal.replay(session, actor, str(arguments["name"]), only_parked=bool(arguments.get("only_parked")))


def _backup(arguments: Mapping[str, Any]) -> Generator[str, None, str]:
    return backup.save(Path(str(arguments["path"])))


COMMANDS: dict[str, control.Command] = {
    "token.create": _create_token, "catalog.register": _register, "events.parked": _parked, "events.replay": _replay,
    "backup": _backup,
}  # fmt: skip


def answer(command: str, arguments: Mapping[str, Any], say: control.Say) -> Any:
    """Do here what a running portal would do: take the lock, make the databases current, run the command."""
    platform = _install()
    platform.prepare()
    bootstrap.first_start(settings.current())
    bootstrap.load_documents(settings.current())
    try:
        return control.finished(COMMANDS[command](arguments), say)
    finally:
        platform.unlock()


def restore(path: Path, say: control.Say) -> str:
    """Make this data folder the install that a backup holds; raises Conflict while a portal runs on it."""
    platform = Platform(settings.current())
    platform.lock()
    try:
        return str(control.finished(backup.load(path), say))
    finally:
        db.dispose()
        platform.unlock()


def plugin_commands() -> list[click.Command]:
    """The commands that capabilities and plugins add."""
    plugins.load(capabilities.plugs())
    return plugins.collect(plugins.call().commands())

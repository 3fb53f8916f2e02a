"""One install, prepared and running: lock, databases, plugins, engines, runs and events, in the order they need."""

import fcntl
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from towpath import capabilities
from towpath.kit import actor as actors
from towpath.kit import db, engines, events, ids, jail, jobs, migrate
from towpath.kit.errors import Conflict, TowpathError, Unavailable
from towpath.kit.relay import Relay
from towpath.kit.settings import Settings
from towpath.organisations import service as organisations
from towpath.runs.executor import Executor
from towpath.sdk import plugins
from towpath.sdk.types import Engine, Health

log = logging.getLogger(__name__)
BEAT_S = 5.0
CALM_BEATS = 3
KEEP_UP_S, AGAIN_S = 1.0, 3.0
TIDY_S = 3600.0


class Platform:
    """What an entrance holds. `prepare` makes databases current; `start` and `stop` frame serving."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock: Any = None
        self._stop = threading.Event()
        self._trouble: dict[str, str] = {}
        self._keeper = threading.Thread(target=self._keep_up, name="keep-up", daemon=True)
        manager = plugins.load(capabilities.plugs())
        for permission in plugins.collect(manager.hook.permissions()):
            actors.PERMISSIONS[permission.id] = permission.role
        self.engines: list[Engine] = plugins.collect(manager.hook.engines())
        self.dispatcher = events.Dispatcher(organisations.databases)
        self.relay = Relay(organisations.control().url) if settings.database_url else None
        kinds = {job.kind: job for job in plugins.collect(manager.hook.jobs())}
        self.executor = Executor(kinds, organisations.database)
        events.subscribe(plugins.collect(manager.hook.subscribers()))

    # ── one process, current databases ────────────────────────────────────────────────────────────────────────────────
    def lock(self) -> None:
        """On SQLite be the only process that opens the databases; raises Conflict naming the one that has them."""
        if self.settings.database_url or self._lock:
            return
        handle = (self.settings.data / "portal.lock").open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            raise Conflict(
                f"another process ({handle.read().strip() or 'unknown'}) uses this data folder",
                hint="end it with 'towpath down', or set TOWPATH_HOME to another folder",
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        self._lock = handle

    def unlock(self) -> None:
        """Let another process have the databases."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def prepare(self) -> None:
        """Take the lock and bring every database to this version."""
        self.lock()
        migrate.upgrade(organisations.control())
        for ref in organisations.databases():
            migrate.upgrade(ref)

    def admit(self) -> None:
        """Raise Unavailable where this host cannot isolate what would run: in production, or for two organisations."""
        if jail.probe().kind != "none":
            return
        if self.settings.production:
            raise Unavailable(
                "this host cannot isolate code that is not ours: production does not start", hint=jail.MEND
            )
        if len(organisations.databases()) > 1:
            raise Unavailable("this host cannot keep the organisations of this install apart", hint=jail.MEND)

    # ── start and stop ────────────────────────────────────────────────────────────────────────────────────────────────
    def start(self, app: Any) -> None:
        """Engines, runs and events; an engine that fails is shown, and does not keep the portal from starting."""
        with ThreadPoolExecutor(max(len(self.engines), 1)) as pool:
            for engine in self.engines:
                pool.submit(self._up, engine)
        if self.relay:
            self.relay.start()
        self._launch()  # after the engines: a run that goes on may need them at once
        self.dispatcher.start()
        self._keeper.start()
        threading.Thread(target=tidy_until, args=(self._stop,), name="tidy", daemon=True).start()
        plugins.call().started(app=app)

    def _launch(self) -> None:
        executor = "embedded" if not self.settings.database_url else ids.uuid7()
        url = f"sqlite:///{self.settings.folder('databases') / 'runs.db'}"
        if self.settings.database_url:
            url = organisations.control().url
            organisations.beat(executor)  # before its first run: others take over only from executors they know
        jobs.launch(url, self.executor.execute, at_once=self.settings.runs_at_once, executor=executor)
        self.executor.start(organisations.databases)
        if self.settings.database_url:
            threading.Thread(target=self._beat, args=(executor,), name="heartbeat", daemon=True).start()

    def _beat(self, executor: str) -> None:
        heard = 0  # beats in a row: after an outage the others, who live, get time to say so
        while not self._stop.is_set():
            try:
                organisations.beat(executor)
                heard += 1
                if heard > CALM_BEATS:
                    organisations.bury(jobs.take_over)
            except TowpathError:
                heard = 0
                log.warning("the control database does not answer; the next heartbeat is in %.0f s", BEAT_S)
            except Exception:  # a process that lives on without a heartbeat has its runs executed twice
                heard = 0
                log.exception("the next heartbeat is in %.0f s", BEAT_S)
            self._stop.wait(BEAT_S)

    def _up(self, engine: Engine) -> None:
        try:
            if engine.survives_portal and engines.adopt(engine.name) is None:
                engines.end_strays(engine.name)
            engine.up()
            self._trouble.pop(engine.name, None)
        except Exception as error:
            if self._trouble.get(engine.name) != str(error):
                log.warning("engine %s: %s", engine.name, error, exc_info=not isinstance(error, TowpathError))
            self._trouble[engine.name] = str(error)

    def _keep_up(self) -> None:
        """Start an engine again that ended under a running portal, and one that could not start until now."""
        while not self._stop.wait(AGAIN_S if self._trouble else KEEP_UP_S):
            try:
                self._up_again()
            except Exception:  # the next look may find disk and processes back
                log.exception("engines could not be looked after")

    def _up_again(self) -> None:
        ended = self._ended()
        for engine in self.engines:
            if engine in ended and engine.name not in self._trouble:
                log.warning("engine %s ended; it is started again", engine.name)
            if engine in ended or engine.name in self._trouble:
                self._up(engine)

    def _ended(self) -> list[Engine]:
        return [one for one in self.engines if one.survives_portal and engines.adopt(one.name) is None]

    def stop(self) -> None:
        """End the portal's own work; engines that carry services stay."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join(30)  # it may be starting one of those that are about to be ended
        self.executor.stop()
        self.dispatcher.stop()
        if self.relay:
            self.relay.stop()
        plugins.call().stopping()
        for engine in reversed(self.engines):
            if not engine.survives_portal:
                engine.down()
        jobs.shutdown()
        db.dispose()
        self.unlock()

    def end_engines(self) -> list[str]:
        """End every engine with the services they carry; returns their names."""
        for engine in reversed(self.engines):
            engine.down()
        return [engine.name for engine in self.engines]

    # ── how it is ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def doctor(self) -> list[Health]:
        """The health of every engine and of the host, worst shown with how to mend it."""
        return [_host(), *(_ask(engine) for engine in self.engines)]

    def missing(self) -> list[str]:
        """What keeps the portal from being ready."""
        said = {one.name: "it ended and is started again" for one in self._ended()} | self._trouble
        trouble = [f"{name}: {text}" for name, text in said.items()]
        for ref in [organisations.control(), *organisations.databases()]:
            try:
                db.ping(ref)
            except TowpathError as error:
                trouble.append(f"database {ref.name}: {error.message}")
        return trouble

    def banner(self) -> str | None:
        """The sentence every page shows when code that is not ours runs without isolation."""
        host = jail.probe()
        return (
            None if host.kind != "none" else "Services and pipelines are not isolated on this host. See towpath doctor."
        )

    def organisation_title(self, organisation: str) -> str:
        """The title of an organisation, for the shell."""
        with db.read(organisations.control()) as session:
            return organisations.get(session, organisation).title if organisation else "Towpath"


def tidy_until(stop: threading.Event) -> None:
    """Let every plugin tidy, now and each hour, until told to stop."""
    while not stop.is_set():
        for name, tidy in plugins.each("tidy"):
            try:
                tidy()
            except Exception:  # in an hour there may be more room, or fewer users
                log.exception("%s could not tidy up", name)
        stop.wait(TIDY_S)


def _ask(engine: Engine) -> Health:
    try:
        return engine.doctor()
    except Exception as error:
        return Health(engine.name, "missing", str(error), "see the portal's log")


def _host() -> Health:
    host = jail.probe()
    if host.kind == "none":
        return Health("isolation", "missing", "; ".join(host.reasons), jail.MEND)
    return Health(
        "isolation", "degraded" if host.reasons else "ok", f"{host.kind}; {'; '.join(host.reasons)}".rstrip("; ")
    )

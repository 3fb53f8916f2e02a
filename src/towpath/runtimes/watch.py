"""One thread that looks at every service: ends what has drained, counts restarts, tells a crash loop, rotates logs.

supervisord gives up after five quick ends; a service that lives a little longer would be restarted for ever. Both are a
`crash loop` here: it is stopped, and tried again after a pause that doubles from 30 s to 10 min.
"""

import json
import logging
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from towpath.kit import clock, files
from towpath.kit.errors import TowpathError
from towpath.kit.settings import current
from towpath.runtimes import logs, replacing, state, supervisor
from towpath.runtimes.state import Instance, State

log = logging.getLogger(__name__)

TICK_S = 1.0
QUICK_RESTARTS = 5
"""So many starts within `WINDOW_S` seconds are a crash loop."""
WINDOW_S = 60.0
PAUSE_S, PAUSE_MAX_S = 30.0, 600.0
LIVE_EVERY_S, LIVE_FAILURES = 5.0, 3


@dataclass
class Seen:
    """What the watch knows of one instance. `starts` and `retry_at` are seconds since 1970."""

    release: str
    pid: int = 0
    restarts: int = 0
    starts: list[float] = field(default_factory=list)
    loop_since: str = ""
    pause_s: float = PAUSE_S
    retry_at: float = 0.0
    live_failures: int = 0
    looked_at: float = 0.0


class Watch:
    """Looks once a second while it runs; `look` may be called by hand."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin watching on a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="towpath-runtimes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; returns when the thread has ended."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=15)

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            try:
                self.look()
            except TowpathError as error:
                log.warning("the watch of services missed a look: %s", error)
            except Exception:  # it must outlive whatever it meets
                log.exception("the watch of services missed a look")

    def look(self) -> None:
        """One look at everything; a service that cannot be looked at does not keep the others from it."""
        known = supervisor.infos()
        for found in state.all_():
            try:
                self._look_after(found, known)
            except Exception as error:
                expected = isinstance(error, TowpathError)
                log.warning("the watch missed a look at %s: %s", found.logical, error, exc_info=not expected)

    def _look_after(self, found: State, known: dict[str, dict[str, Any]]) -> None:
        if any(each.until <= time.time() for each in found.draining):
            with state.locked(found.logical) as held:
                replacing.finish(held)
        if found.current:
            self._look_at(found.logical, found.current, known.get(found.current.program))
        logs.rotate(found.logical)

    def _look_at(self, logical: str, instance: Instance, info: dict[str, Any] | None) -> None:
        if info is None:
            return
        seen = self._seen.get(logical) or recorded(logical)
        if seen is None or seen.release != instance.release:
            seen = Seen(instance.release, pid=info["pid"])
        before = asdict(seen)
        if info["pid"] and info["pid"] != seen.pid:
            seen.restarts += 1
            seen.starts.append(time.time())
            seen.pid = info["pid"]
        seen.starts = [moment for moment in seen.starts if moment > time.time() - WINDOW_S]
        self._crash_loop(instance, info, seen)
        if info["statename"] == supervisor.RUNNING:
            self._live(instance, seen)
        self._seen[logical] = seen
        if asdict(seen) | {"looked_at": 0} != before | {"looked_at": 0}:
            files.write_json(state.folder(logical) / "watch.json", asdict(seen))

    def _crash_loop(self, instance: Instance, info: dict[str, Any], seen: Seen) -> None:
        if seen.loop_since:
            if seen.retry_at and time.time() >= seen.retry_at:
                seen.retry_at, seen.starts = 0.0, []
                supervisor.again(instance.program)
            elif (
                not seen.retry_at and info["statename"] == supervisor.RUNNING and info["now"] - info["start"] > WINDOW_S
            ):
                seen.loop_since, seen.pause_s = "", PAUSE_S
        if not seen.retry_at and (info["statename"] == "FATAL" or len(seen.starts) >= QUICK_RESTARTS):
            seen.pause_s = min(seen.pause_s * 2, PAUSE_MAX_S) if seen.loop_since else PAUSE_S
            seen.loop_since = seen.loop_since or clock.iso(clock.now())
            seen.retry_at, seen.starts = time.time() + seen.pause_s, []
            supervisor.stop(instance.program)

    def _live(self, instance: Instance, seen: Seen) -> None:
        if time.time() - seen.looked_at < LIVE_EVERY_S:
            return
        seen.looked_at = time.time()
        status = replacing.probe(instance.port, instance.live)
        alive = status is not None and status < 500
        seen.live_failures = 0 if alive else seen.live_failures + 1
        if seen.live_failures >= LIVE_FAILURES:
            seen.live_failures = 0
            supervisor.call("signalProcess", instance.program, "TERM", allow=(70, 10))


def recorded(logical: str) -> Seen | None:
    """What the watch last wrote down of a service; None when nothing ever happened to it."""
    try:
        return Seen(**json.loads((current().data / "runtimes" / logical / "watch.json").read_text()))
    except FileNotFoundError:
        return None

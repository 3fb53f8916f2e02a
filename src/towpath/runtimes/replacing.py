"""Put a release in the place of another without dropping a request; every phase is on disk before the next begins.

    prepared → started → ready → switched → drained → ended

Killed anywhere, the same call goes on from there; another release's call first undoes what was left. The old release
serves until the edge itself has answered with the new one, and ends `drain_s` later, which nobody waits for.
"""

import contextlib
import http.client
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace as changed

from towpath.kit import clock, engines, faults, jail, ports
from towpath.kit.errors import Conflict, Problem, Unavailable
from towpath.kit.settings import current
from towpath.runtimes import edge, logs, releases, state, supervisor
from towpath.runtimes.releases import Release
from towpath.runtimes.state import Draining, Instance, State

ENDED = ("BACKOFF", "EXITED", "FATAL", "STOPPED", "UNKNOWN")


def replace(
    release: Release, *, say: Callable[[str], None] = lambda text: None, cancelled: Callable[[], bool] = lambda: False
) -> Instance:
    """Make `release` the one that serves its logical service. Returns its instance; a repeat finds it done.

    Raises Unavailable with the reason and the last log lines when it does not become ready (the old one serves on), and
    Conflict when the name belongs to another organisation's service.
    """
    with state.locked(release.logical) as found:
        _claim(found, release)
        finish(found)
        if found.current and found.current.release == release.id and not _again(found) and _running(found.current):
            return found.current
        if found.next and found.next.release != release.id:
            say(f"undoing the unfinished release {found.next.release}")
            _undo(found)
        instance = _prepared(found, release)
        say(f"release {release.id} is laid out, port {instance.port}")
        try:
            supervisor.start(instance.program, releases.command(release.logical, release.id))
            _reached(found, "started")
            _wait_ready(instance, cancelled)
            _reached(found, "ready")
            say(f"GET {instance.ready} answers")
            route(found, instance)
        except Unavailable as error:
            problems = [Problem(line) for line in logs.of_release(release.logical, release.id)]
            _abandon(found)
            kept = "the release before it serves on" if found.current else "nothing serves yet"
            raise Unavailable(
                f"the new release did not take over: {error.message}; {kept}",
                hint="read the last log lines below, mend and deploy again",
                problems=problems,
            ) from error
        faults.point("replace/routed")
        _switched(found, instance)
        say("the edge answers with it" if found.hosts else "it serves; no route leads to it yet")
        return found.current or instance


def bind(logical: str, route_uid: str, host: str) -> None:
    """Lead a host to a logical service, at once when one serves. Raises Conflict when another service has that host."""
    with state.locked(logical) as found:
        for other in state.all_():
            if other.logical != logical and host in other.hosts.values():
                raise Conflict(f"the host '{host}' is taken", hint="choose another name for the route")
        found.hosts[route_uid] = host
        found.save()
        if found.current:
            route(found, found.current)


def unbind(logical: str, route_uid: str) -> None:
    """Take a route's host away from a logical service; a second call finds nothing."""
    with state.locked(logical) as found:
        known = found.hosts.pop(route_uid, None)
        if known is not None:
            found.save()
            if found.hosts and found.current:
                route(found, found.current)
            else:
                edge.remove(logical)


def route(found: State, instance: Instance) -> None:
    """Write the edge file for this instance and ask the edge until it answers with it; no hosts, no file."""
    if not found.hosts:
        return
    edge.write(found.logical, sorted(found.hosts.values()), port=instance.port, release=instance.release)
    for host in sorted(found.hosts.values()):
        edge.wait_for(host, instance.release, instance.ready)


def finish(found: State, *, now: bool = False) -> None:
    """End the instances whose time to drain is over (all of them with `now`)."""
    for each in list(found.draining):
        if now or each.until <= time.time():
            _end(found.logical, each.instance)
            found.draining.remove(each)
            found.save()


def remove(logical: str) -> None:
    """End everything of a logical service and remove releases, logs, edge file and ports; a second call finds nothing."""
    with state.locked(logical) as found:
        edge.remove(logical)
        if found.next:
            _end(logical, found.next)
        if found.current:
            _end(logical, found.current)
        finish(found, now=True)
        for name in ("releases", "logs"):
            shutil.rmtree(state.folder(logical) / name, ignore_errors=True)
        # Routes belong to resources of their own: they go when those do.
        found.current, found.next, found.phase = None, None, ""
        found.organisation = found.component = found.environment = ""
        found.save()


def drain_later(logical: str) -> None:
    """End what drains once its time is over, on a timer; the watch does it should this process die before."""

    def end() -> None:
        with state.locked(logical) as found, contextlib.suppress(Unavailable):
            finish(found)

    timer = threading.Timer(current().drain_s + 0.05, end)
    timer.daemon = True
    timer.start()


def end_orphans() -> None:
    """End the services an earlier supervisord, killed, left running, by recorded pid and start time, and what they forked."""
    for path in current().folder("runtimes").glob("*/releases/*/pid"):
        with contextlib.suppress(ValueError):
            pid, started = (int(part) for part in path.read_text().split())
            engines.end_process(pid, started, wait_s=5)
    jail.end_shown(current().folder("runtimes").glob(f"*/releases/*/{releases.SHOWN}"))


def _claim(found: State, release: Release) -> None:
    owner = (found.organisation, found.component, found.environment)
    wanted = (release.organisation, release.component, release.environment)
    if found.component and owner != wanted:
        raise Conflict(f"the name '{release.logical}' is taken", hint="rename the component")
    found.organisation, found.component, found.environment = wanted


def _prepared(found: State, release: Release) -> Instance:
    port = ports.claim(_port_name(release.logical, release.id))
    program = f"{release.logical}.{release.id}"
    instance = found.next or Instance(release.id, program, port, release.ready, release.live)
    if found.next is None:
        found.next = instance
        found.save()
    releases.prepare(release, port)
    _reached(found, "prepared")
    return instance


def _reached(found: State, phase: str) -> None:
    found.phase = phase
    found.save()
    faults.point(f"replace/{phase}")


def _switched(found: State, instance: Instance) -> None:
    found.draining = [each for each in found.draining if each.instance.program != instance.program]
    if found.current and found.current.program != instance.program:
        found.draining.append(Draining(found.current, time.time() + current().drain_s))
    found.current, found.next, found.phase = changed(instance, since=clock.iso(clock.now())), None, ""
    found.save()
    faults.point("replace/switched")
    if found.draining:
        drain_later(found.logical)


def _again(found: State) -> bool:
    """Whether the unfinished replacement starts the very program anew that is the current one, because it had ended."""
    return found.current is not None and found.next is not None and found.current.program == found.next.program


def _undo(found: State) -> None:
    """Take back what a dead call left; a current program that it got to run again serves on."""
    if _again(found) and found.current and _running(found.current):
        found.next, found.phase = None, ""
        found.save()
    _abandon(found)


def _abandon(found: State) -> None:
    """End the unfinished replacement. The edge comes first: it may lead to the one that is about to end."""
    if found.next is None:
        return
    again = _again(found)
    if found.current and not again:
        with contextlib.suppress(Unavailable):
            route(found, found.current)
    else:
        edge.remove(found.logical)
    _end(found.logical, found.next)
    found.current = None if again else found.current
    found.next, found.phase = None, ""
    found.save()


def _end(logical: str, instance: Instance) -> None:
    supervisor.remove(instance.program)
    jail.end_shown([releases.folder(logical, instance.release) / releases.SHOWN])
    releases.remove(logical, instance.release)
    ports.release(_port_name(logical, instance.release))


def _port_name(logical: str, release: str) -> str:
    return f"service {logical} {release}"


def _running(instance: Instance) -> bool:
    found = supervisor.info(instance.program)
    return bool(found) and found["statename"] not in ENDED  # type: ignore[index]


def _wait_ready(instance: Instance, cancelled: Callable[[], bool]) -> None:
    until = time.monotonic() + current().ready_timeout_s
    reason, look = "nothing answered", 0.0
    while time.monotonic() < until:
        status = probe(instance.port, instance.ready)
        if status is not None and 200 <= status < 400 and _running(instance):
            return
        if status is not None:
            reason = f"GET {instance.ready} answered {status}"
        if time.monotonic() > look:
            look = time.monotonic() + 0.2
            if cancelled():
                raise Unavailable("it was cancelled")
            found = supervisor.info(instance.program)
            if found is None or found["statename"] in ENDED:
                # supervisord forgets the code of a process that ended within its first second, and says 0.
                code = f" with code {found['exitstatus']}" if found and found["exitstatus"] else ""
                raise Unavailable(f"its process ended{code} before it was ready")
        time.sleep(0.02)
    raise Unavailable(f"{reason} for {current().ready_timeout_s:g} s")


def probe(port: int, path: str, timeout_s: float = 2.0) -> int | None:
    """Status of a GET on a loopback port; None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"User-Agent": "towpath-probe"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()

"""How services do: status and logs; replacement and routes come from `replacing`."""

from typing import Any

from towpath.kit.errors import NotFound, Unavailable
from towpath.runtimes import edge, logs, replacing, state, supervisor, watch
from towpath.runtimes.logs import Piece, told
from towpath.runtimes.releases import Release
from towpath.runtimes.replacing import bind, remove, replace, unbind
from towpath.runtimes.state import Instance, State

__all__ = [
    "Piece", "Release", "State", "bind", "environments", "find", "follow", "health", "logs_of", "remove", "replace", "status",
    "told", "unbind",
]  # fmt: skip


def status(logical: str) -> dict[str, Any]:
    """How a service does. Raises NotFound.

    `state` is healthy, starting, degraded, crash loop or stopped; `pid`, `port`, `release`, `since` (ISO 8601), `restarts`,
    `urls`, `replacing` (phase of a replacement in progress, or empty) and `why` in words.
    """
    found = state.load(logical)
    known: dict[str, Any] = {"logical": logical, "urls": [edge.url(host) for host in sorted(found.hosts.values())]}
    known |= {"pid": None, "port": None, "release": None, "since": None, "restarts": 0, "replacing": found.phase}
    if found.current is None:
        word = ("starting", "the first release is on its way") if found.next else ("stopped", "nothing was deployed")
        return known | {"state": word[0], "why": word[1]}
    seen = _seen(logical, found.current)
    known |= {"port": found.current.port, "release": found.current.release, "since": found.current.since}
    known["restarts"] = seen.restarts if seen else 0
    try:
        info = supervisor.info(found.current.program)
    except Unavailable as error:
        return known | {"state": "degraded", "why": str(error.message)}
    known["pid"] = info["pid"] or None if info else None
    word = _word(found.current, info, seen)
    return known | {"state": word[0], "why": word[1]}


def health(organisation: str) -> dict[tuple[str, str], tuple[str, str]]:
    """How all services of an organisation do: {(component, environment): (state, why)}, for lists.

    One question to supervisord and what the watch saw last (at most 5 s ago), no probe; `unknown` when it does not answer.
    """
    mine = [one for one in state.all_() if one.organisation == organisation and one.current]
    try:
        known = supervisor.infos() if mine else {}
    except Unavailable as error:
        return {(one.component, one.environment): ("unknown", error.message) for one in mine}
    found = {}
    for one in mine:
        if one.current is not None:
            seen = _seen(one.logical, one.current)
            word = _process(known.get(one.current.program), seen)
            if word is None and seen and seen.live_failures:
                word = ("degraded", f"GET {one.current.live} does not answer")
            found[one.component, one.environment] = word or ("healthy", f"GET {one.current.live} answers")
    return found


def find(organisation: str, component: str, environment: str) -> str:
    """The logical name of a component's service in an environment of one organisation; raises NotFound."""
    found = state.find(organisation, component, environment)
    if found is None:
        raise NotFound(f"'{component}' does not run in {environment}", hint="deploy it first")
    return found.logical


def environments(organisation: str, component: str) -> list[State]:
    """The services of a component in one organisation, by name of environment."""
    mine = [one for one in state.all_() if (one.organisation, one.component) == (organisation, component)]
    return sorted(mine, key=lambda one: one.environment)


def logs_of(logical: str, lines: int = 200) -> Piece:
    """The last lines a service printed, secrets masked; raises NotFound."""
    state.load(logical)
    return logs.tail(logical, max(1, min(lines, 5000)))


def follow(logical: str, release: str, offset: int) -> Piece:
    """What a service printed after a place that `logs_of` or `follow` gave; raises NotFound."""
    state.load(logical)
    return logs.after(logical, release, offset)


def _seen(logical: str, instance: Instance) -> watch.Seen | None:
    """What the watch saw of exactly this instance."""
    seen = watch.recorded(logical)
    return seen if seen and seen.release == instance.release else None


def _process(info: dict[str, Any] | None, seen: watch.Seen | None) -> tuple[str, str] | None:
    """State and reason of a process that does not run as it should; None for one that does."""
    name = info["statename"] if info else "STOPPED"
    if seen and seen.retry_at:
        return (
            "crash loop",
            f"it ended again and again since {seen.loop_since}; the next try is within {seen.pause_s:g} s",
        )
    if name in ("RUNNING", "STARTING"):
        return None
    return {
        "FATAL": ("crash loop", "it ended again and again and was given up"),
        "BACKOFF": ("starting", "it ended and is started again"),
        "EXITED": ("starting", "it ended and is started again"),
    }.get(name, ("stopped", "it was stopped"))


def _word(instance: Instance, info: dict[str, Any] | None, seen: watch.Seen | None) -> tuple[str, str]:
    if found := _process(info, seen):
        return found
    code = replacing.probe(instance.port, instance.ready, timeout_s=1.0)
    if code is not None and 200 <= code < 400:
        return "healthy", f"GET {instance.ready} answers {code}"
    silent = f"GET {instance.ready} answers {code}" if code else "it does not answer"
    return ("starting" if info and info["statename"] == "STARTING" else "degraded"), silent

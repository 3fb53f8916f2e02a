"""One apply at a time for a component in an environment, and for a shared resource."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from towpath.kit import clock, live
from towpath.kit.db import Session
from towpath.kit.errors import Conflict, NotFound
from towpath.kit.jobs import Context
from towpath.orchestrator import queries
from towpath.orchestrator.stages.snapshot import is_shared
from towpath.runs import service as runs

WAIT_S = 60.0
_POLL_S = 0.5


def keys_of(component_uid: str, environment: str, uids: Sequence[str]) -> list[str]:
    """Names of the leases that a change of these resources needs."""
    return [f"{component_uid}/{environment}", *(uid for uid in uids if is_shared(uid))]


@contextmanager
def held(ctx: Context, keys: Sequence[str], wait_s: float = WAIT_S) -> Iterator[str]:
    """Hold all keys, or none, for this run; a repeat of the same run takes them over. Yields the holder's name.

    Waits for another run to finish; raises Conflict naming it after `wait_s` seconds. What a dead run left is taken.
    """
    holder = ctx.actor.run_id or ctx.key
    deadline = clock.now().timestamp() + wait_s
    while True:
        seen = live.count("leases")
        ctx.check()
        with ctx.write() as session:
            blocker = _take(session, sorted(keys), holder)
        if blocker is None:
            break
        if clock.now().timestamp() > deadline:
            raise Conflict(f"run {blocker} is still changing this environment", hint=f"wait for it: /runs/{blocker}")
        live.wait("leases", seen, _POLL_S)
    try:
        yield holder
    finally:
        with ctx.write() as session:
            _give_back(session, sorted(keys), holder)
        live.wake("leases")


def _take(session: Session, keys: Sequence[str], holder: str) -> str | None:
    """Take all keys and answer None, or take none and answer who has one."""
    states = [queries.locked_state(session, key) for key in keys]
    for state in states:
        if state.run_id not in (None, holder) and _lives(session, state.run_id):
            return state.run_id
    for state in states:
        state.run_id, state.updated_at = holder, clock.now()
    return None


def _lives(session: Session, run_id: str | None) -> bool:
    try:
        return run_id is not None and not runs.get(session, run_id).ended
    except NotFound:
        return False


def _give_back(session: Session, keys: Sequence[str], holder: str) -> None:
    for key in keys:
        state = queries.locked_state(session, key)
        if state.run_id == holder:
            state.run_id, state.version, state.updated_at = None, state.version + 1, clock.now()


def root_of(session: Session, run_id: str) -> str | None:
    """The root of the run that causes an event; None outside a run."""
    try:
        return runs.get(session, run_id).root_id
    except NotFound:
        return None

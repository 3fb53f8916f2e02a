"""Wake-ups: who waits for a topic continues at once instead of at the next poll.

`wake` is the one entrance. On PostgreSQL kit.relay takes what it says to the other processes of the install, and gives
what they say to `heard`.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable

SLOTS = 4096
_threads = threading.Condition()
# Topics share slots, else every run of a long life would leave its own here; who waits looks again.
_counts = [0] * SLOTS
_loops: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)
_tell: list[Callable[[str], None]] = []


def wake(topic: str) -> None:
    """Tell all waiters of `topic` that there is something new; cheap when nobody waits, and never blocks."""
    heard(topic)
    for tell in _tell:
        tell(topic)


def relay_with(call: Callable[[str], None] | None) -> None:
    """Say who takes wake-ups to other processes; None: there are none."""
    _tell[:] = [call] if call else []


def heard(topic: str) -> None:
    """Tell the waiters of this process alone."""
    with _threads:
        _counts[_slot(topic)] += 1
        _threads.notify_all()
        for loop, event in list(_loops.get(topic, ())):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


def count(topic: str) -> int:
    """How often `topic` was woken: read it before looking, give it to `wait` afterwards."""
    with _threads:
        return _counts[_slot(topic)]


def wait(topic: str, seen: int, timeout_s: float) -> bool:
    """Block this thread until `topic`, or seldom another one, was woken after `seen`; False when the time is over."""
    with _threads:
        return _threads.wait_for(lambda: _counts[_slot(topic)] != seen, timeout_s)


def _slot(topic: str) -> int:
    return hash(topic) % SLOTS


class Listener:
    """For a stream on the event loop: `async with Listener(topic) as listener: await listener.wait(timeout_s)`."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._event = asyncio.Event()

    async def __aenter__(self) -> "Listener":
        with _threads:
            _loops[self.topic].add((asyncio.get_running_loop(), self._event))
        return self

    async def __aexit__(self, *_: object) -> None:
        with _threads:
            _loops[self.topic].discard((asyncio.get_running_loop(), self._event))
            if not _loops[self.topic]:
                del _loops[self.topic]

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the next wake-up; False when the time is over."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        self._event.clear()
        return True

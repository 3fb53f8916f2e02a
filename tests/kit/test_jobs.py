"""Places for runs: whoever waits for another run leaves its own to it."""

import threading

from towpath.kit import jobs


def free() -> bool:
    taken = jobs._slots[0].acquire(blocking=False)
    if taken:
        jobs._slots[0].release()
    return taken


def test_a_run_that_waits_for_another_leaves_its_place_to_it(monkeypatch):
    monkeypatch.setattr(jobs, "_slots", [threading.BoundedSemaphore(1)])
    seen = []

    def execute(organisation: str, run_id: str) -> None:
        seen.append(free())
        with jobs.aside(), jobs.aside():
            seen.append(free())
        seen.append(free())

    monkeypatch.setattr(jobs, "_execute", [execute])
    jobs._in_its_place("northbank", "run")
    assert seen == [False, True, False]
    assert free()

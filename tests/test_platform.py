"""What a running install does by itself."""

import threading

from towpath import platform
from towpath.sdk import plugins


def test_one_that_cannot_tidy_keeps_no_other_from_it(monkeypatch):
    came, stop = threading.Event(), threading.Event()
    monkeypatch.setattr(plugins, "each", lambda name: [("broken", lambda: 1 / 0), (name, came.set)])
    tidying = threading.Thread(target=platform.tidy_until, args=(stop,))
    tidying.start()
    assert came.wait(10)
    stop.set()
    tidying.join()


def test_built_in_capabilities_tidy_in_their_own_names():
    assert {"runs", "artifacts", "repositories"} <= {name for name, _ in plugins.each("tidy")}

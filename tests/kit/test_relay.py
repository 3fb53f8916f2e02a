"""Wake-ups between processes on PostgreSQL: what one replica commits, another hears at once."""

import subprocess
import sys
import threading
import time

import pytest

from towpath.kit import db, events, live
from towpath.kit.relay import Relay

pytestmark = pytest.mark.databases("postgres")
# Another replica: it emits one event and goes.
OTHER = """\
import sys
import threading
from towpath.kit import db, events
from towpath.kit.relay import Relay
ref = db.DatabaseRef("northbank", sys.argv[1], sys.argv[2])
events.subscribe([events.Subscriber("test", ("test.*",), lambda session, event: None)])
relay = Relay(ref.url)
relay.start()
with db.write(ref) as session:
    events.emit(session, "test.happened", "x")
relay.stop()
db.dispose()
"""


@pytest.fixture
def relay(organisation):
    made = Relay(organisation.url)
    made.start()
    yield made
    made.stop()


def other_emits(ref: db.DatabaseRef) -> None:
    """Let another process emit an event; returns when it has done so."""
    subprocess.run([sys.executable, "-c", OTHER, ref.url, ref.schema], check=True, timeout=60)


def test_the_dispatcher_delivers_what_another_process_emitted_without_a_sweep(organisation, relay, monkeypatch):
    monkeypatch.setattr(events, "SWEEP_S", 600.0)
    heard = threading.Event()
    hears = events.Subscriber("test", ("test.*",), lambda session, event: heard.set())
    events.subscribe([hears])
    dispatcher = events.Dispatcher(lambda: [organisation])
    dispatcher.start()
    other_emits(organisation)
    told = heard.wait(30)
    dispatcher.stop()
    events.subscribe([])
    assert told


def test_a_process_hears_others_and_never_itself_twice(organisation, relay):
    other = Relay(organisation.url)  # brings what `relay` told, as a second replica's would, into this process again
    other.start()
    live.relay_with(relay._topics.put)
    seen = live.count("mine")
    live.wake("mine")
    while live.count("mine") < seen + 2:
        assert live.wait("mine", seen + 1, 5.0)
    time.sleep(0.1)
    assert live.count("mine") == seen + 2
    other.stop()


def test_a_server_that_is_away_blocks_nobody(organisation):
    away = Relay("postgresql://postgres@127.0.0.1:1/none?connect_timeout=1")
    began = time.monotonic()
    away.start(wait_s=0.1)
    live.wake("away")
    assert time.monotonic() - began < 10
    away.stop()

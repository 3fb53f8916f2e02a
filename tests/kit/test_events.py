"""Events: written with the fact, delivered at least once, in order per subject."""

import pytest

from towpath.kit import db, events
from towpath.kit.errors import NotFound
from towpath.kit.events import DeliveryRow, Subscriber


@pytest.fixture
def heard():
    log = []
    events.subscribe([Subscriber("test", ("thing.*",), lambda session, event: log.append(event.data["n"]))])
    yield log
    events.subscribe([])


def emit(ref, n, subject="a"):
    with db.write(ref) as session:
        events.emit(session, "thing.made", subject, {"n": n})


def test_a_subscriber_hears_what_it_asked_for(organisation, heard):
    emit(organisation, 1)
    with db.write(organisation) as session:
        events.emit(session, "other.made", "a", {"n": 9})
    assert events.deliver(organisation) == 1
    assert heard == [1]


def test_a_fact_that_rolls_back_was_never_an_event(organisation, heard):
    with pytest.raises(RuntimeError), db.write(organisation) as session:
        events.emit(session, "thing.made", "a", {"n": 1})
        raise RuntimeError
    assert events.deliver(organisation) == 0


def test_a_failed_delivery_blocks_only_its_own_subject(organisation):
    log = []

    def refuse(session, event):
        if event.subject == "bad":
            raise RuntimeError("no")
        log.append(event.data["n"])

    events.subscribe([Subscriber("test", ("thing.*",), refuse)])
    emit(organisation, 1, "bad")
    emit(organisation, 2, "bad")
    emit(organisation, 3, "good")
    events.deliver(organisation)
    assert log == [3]
    with db.read(organisation) as session:
        tries = sorted(row.tries for row in session.query(DeliveryRow))
    assert tries == [0, 0, 1]
    events.subscribe([])


def test_a_delivery_is_parked_after_ten_tries(organisation):
    events.subscribe([Subscriber("test", ("thing.*",), lambda session, event: 1 / 0)])
    emit(organisation, 1)
    for _ in range(events.TRIES):
        with db.write(organisation) as session:
            for row in session.query(DeliveryRow):
                row.due = row.due.replace(year=2020)
        events.deliver(organisation)
    with db.read(organisation) as session:
        (given_up,) = events.parked(session)
    assert (given_up.subscriber, given_up.event.type, given_up.tries) == ("test", "thing.made", events.TRIES)
    assert given_up.error.startswith("ZeroDivisionError")
    events.subscribe([])


def test_what_was_given_up_is_delivered_again_alone(organisation, heard):
    emit(organisation, 1)
    emit(organisation, 2)
    events.deliver(organisation)
    with db.write(organisation) as session:
        session.query(DeliveryRow).first().state = "parked"
    with db.write(organisation) as session:
        assert events.replay(session, "test", only_parked=True) == 1
    events.deliver(organisation)
    assert heard == [1, 2, 1]


def test_replay_reaches_back_before_the_subscriber(organisation):
    emit(organisation, 1)
    log = []
    events.subscribe([Subscriber("later", ("thing.*",), lambda session, event: log.append(event.data["n"]))])
    with db.write(organisation) as session:
        assert events.replay(session, "later") == 1
    events.deliver(organisation)
    events.subscribe([])
    assert log == [1]


def test_replay_of_an_unknown_subscriber_names_those_there_are(organisation, heard):
    with pytest.raises(NotFound) as caught, db.write(organisation) as session:
        events.replay(session, "tset")
    assert caught.value.hint == "there are: test"


def test_replay_delivers_everything_again(organisation, heard):
    emit(organisation, 1)
    events.deliver(organisation)
    with db.write(organisation) as session:
        events.replay(session, "test")
    events.deliver(organisation)
    assert heard == [1, 1]


def test_what_waits_never_keeps_the_rest_from_being_delivered(organisation, monkeypatch):
    monkeypatch.setattr(events, "PAGE", 3)
    log = []
    events.subscribe([
        Subscriber("broken", ("thing.*",), lambda session, event: 1 / 0),
        Subscriber("test", ("thing.*",), lambda session, event: log.append(event.data["n"])),
    ])  # fmt: skip
    for number in range(10):
        emit(organisation, number, f"subject-{number}")
    assert events.deliver(organisation) == 10
    assert log == list(range(10))
    events.subscribe([])

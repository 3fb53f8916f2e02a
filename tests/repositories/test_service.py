"""What was pushed is recorded once, whoever finds it first."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from towpath.kit import db, events
from towpath.repositories import service

FOUND = {"refs/heads/main": "c" * 40}


def test_a_change_that_two_find_at_once_is_one_event(organisation, developer):
    looked = threading.Event()
    with db.write(organisation) as session:
        uid = service.create(session, developer, "orders").uid

    def record(*, later: bool) -> list:
        assert not later or looked.wait(10)
        with db.write(organisation) as session:
            changes = service.record(session, developer, uid, FOUND)
            looked.set()
            time.sleep(0 if later else 0.2)  # the later one comes before this one has committed
        return changes

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(record, later=False), pool.submit(record, later=True)
        assert (len(first.result()), second.result()) == (1, [])
    with db.read(organisation) as session:
        told = [one.type for one in events.history(session, f"repository:{uid}")]
    assert told.count("dev.cdevents.change.merged") == 1

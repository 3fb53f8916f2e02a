"""Approvals: two people, one digest."""

import pytest
from sqlalchemy import select

from towpath.approvals import service
from towpath.kit import db
from towpath.kit.actor import platform
from towpath.kit.errors import Conflict, Forbidden
from towpath.kit.events import EventRow


def ask(session, who, digest="sha256:a"):
    return service.request(
        session,
        subject="component:default/orders",
        title="Promote",
        digest=digest,
        rule="because",
        requested_by=who,
        run_id="r1",
        root_id="r0",
    )


def test_who_asked_cannot_approve_not_even_by_token(organisation, developer, actor):
    with db.write(organisation) as session:
        wanted = ask(session, developer).id
    token = actor("developer", via="token")
    with pytest.raises(Forbidden), db.write(organisation) as session:
        service.decide(session, token, wanted, approve=True)


def test_who_pushed_cannot_approve_what_the_push_asked_for(organisation, developer, actor):
    with db.write(organisation) as session:
        row = ask(session, platform(organisation.name, developer.ref))
        wanted = row.id
        assert service.asked(row, developer)  # so that the page offers no decision that would be refused
    with pytest.raises(Forbidden), db.write(organisation) as session:
        service.decide(session, developer, wanted, approve=True)


def test_an_approval_holds_for_exactly_its_digest(organisation, developer, administrator):
    with db.write(organisation) as session:
        service.decide(session, administrator, ask(session, developer).id, approve=True)
        assert service.granted(session, "r1", "sha256:a")
        assert not service.granted(session, "r1", "sha256:b")


def test_a_changed_plan_asks_again_and_withdraws_the_old_question(organisation, developer):
    with db.write(organisation) as session:
        first = ask(session, developer)
        second = ask(session, developer, "sha256:b")
        assert (first.decision, second.decision) == ("withdrawn", "pending")
        assert ask(session, developer, "sha256:b").id == second.id


def test_a_decision_is_taken_once(organisation, developer, administrator):
    with db.write(organisation) as session:
        wanted = ask(session, developer).id
        service.decide(session, administrator, wanted, approve=False, comment="not today")
        with pytest.raises(Conflict):
            service.decide(session, administrator, wanted, approve=True)
        assert service.refused(session, "r1").comment == "not today"


def test_asking_and_deciding_are_events_of_the_run_that_began_it(organisation, developer, administrator):
    with db.write(organisation) as session:
        service.decide(session, administrator, ask(session, developer).id, approve=True)
        found = [
            (one.type, one.root_id) for one in session.scalars(select(EventRow).order_by(EventRow.time, EventRow.id))
        ]
    assert found == [("approval.requested", "r0"), ("approval.decided", "r0")]

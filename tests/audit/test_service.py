"""Audit: one record per outermost act; refusals and failures outlive their rollback."""

import pytest

from towpath.audit import service
from towpath.kit import actor as actors
from towpath.kit import db
from towpath.kit.actor import Role
from towpath.kit.errors import Conflict, Forbidden

actors.PERMISSIONS["test.act"] = Role.developer


@service.audited("test.act")
def inner(session, actor):
    service.note(session, deep=True)


@service.audited("test.act")
def outer(session, actor, *, fail=False):
    service.note(session, subject="thing:a", size=1)
    inner(session, actor)
    if fail:
        raise Conflict("no")


def records(ref):
    with db.read(ref) as session:
        return [(one.outcome, one.subject, one.details) for one in service.newest(session)]


def test_nested_acts_leave_one_record_with_all_details(organisation, developer):
    with db.write(organisation) as session:
        outer(session, developer)
    assert records(organisation) == [("done", "thing:a", {"size": 1, "deep": True})]


def test_a_failed_act_is_recorded_although_it_was_rolled_back(organisation, developer):
    with pytest.raises(Conflict), db.write(organisation) as session:
        outer(session, developer, fail=True)
    assert [one[0] for one in records(organisation)] == ["failed"]


def test_a_refused_act_is_recorded_and_not_done(organisation, actor):
    with pytest.raises(Forbidden), db.write(organisation) as session:
        outer(session, actor("viewer"))
    assert [one[0] for one in records(organisation)] == ["refused"]

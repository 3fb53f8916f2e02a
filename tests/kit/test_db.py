"""Transactions: committed before the reply, one database per organisation."""

import contextvars

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text

from towpath.kit import actor as actors
from towpath.kit import clock, db, events
from towpath.kit.actor import Actor, Role
from towpath.kit.errors import Conflict, Unavailable
from towpath.kit.events import EventRow
from towpath.kit.web import Writing, permit


def test_a_failing_commit_is_no_success(organisation):
    app, calls = FastAPI(), []

    @app.middleware("http")
    async def who(request: Request, call_next):
        request.state.actor = Actor("user:default/x", organisation.name, Role.administrator)
        request.state.database = organisation
        return await call_next(request)

    @app.post("/", dependencies=[permit(None)])
    def change(unit: Writing) -> dict[str, bool]:
        calls.append(1)
        unit.session.execute(text("insert into run_step values ('no-run','k',0,'t','pending',null,null,null,null)"))
        return {"ok": True}

    answer = TestClient(app, raise_server_exceptions=False).post("/")
    assert calls == [1]
    assert answer.status_code == 500


def test_after_commit_runs_after_and_never_without_a_commit(organisation):
    seen = []
    with db.write(organisation) as session:
        db.after_commit(session, lambda: seen.append("done"))
        assert seen == []
    assert seen == ["done"]
    with pytest.raises(RuntimeError), db.write(organisation) as session:
        db.after_commit(session, lambda: seen.append("never"))
        raise RuntimeError
    assert seen == ["done"]


def test_slow_work_inside_a_transaction_is_refused(organisation):
    with db.write(organisation), pytest.raises(RuntimeError):
        db.refuse_transaction()
    db.refuse_transaction()


def test_slow_work_is_refused_by_request_and_not_by_thread(organisation):
    request = contextvars.copy_context()  # what FastAPI's threads that serve one request have in common
    request.run(db.begin_request)
    opened = db.write(organisation)
    request.copy().run(opened.__enter__)
    db.refuse_transaction()  # this thread serves another request meanwhile
    with pytest.raises(RuntimeError):
        request.copy().run(db.refuse_transaction)
    request.copy().run(opened.__exit__, None, None, None)
    request.run(db.refuse_transaction)


def test_a_session_to_read_sees_one_moment(organisation):
    def count(session) -> int:
        return session.scalar(select(func.count()).select_from(EventRow))

    with db.read(organisation) as session:
        assert count(session) == 0
        with db.write(organisation) as other:
            events.emit(other, "thing.made", "a", {})
        assert count(session) == 0


def test_a_database_that_does_not_answer_is_unavailable(tmp_path):
    with pytest.raises(Unavailable):
        db.ping(db.DatabaseRef("x", f"sqlite:///{tmp_path}/none/x.db"))


def test_an_undeclared_permission_is_refused():
    assert not Actor("user:default/x", "o", Role.administrator).can("nobody.declared")
    assert actors.PERMISSIONS


def test_two_who_make_the_same_name_at_once_get_a_conflict(organisation):
    def make() -> None:
        with db.write(organisation) as session:
            session.add(EventRow(id="1", type="t", subject="s", time=clock.now(), actor="a", root_id=None, data={}))

    make()
    with pytest.raises(Conflict, match="at the same moment"):
        make()

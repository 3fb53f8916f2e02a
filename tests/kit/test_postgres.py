"""What only a server with several writers shows: migrations there, rows claimed by one of two, a lease held by one."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from towpath.kit import db, events, ids, migrate
from towpath.kit.errors import Conflict
from towpath.orchestrator.service import leases
from towpath.runs import service as runs


@pytest.fixture(params=["control", "organisation"])
def fresh(request, settings, postgres_url) -> Iterator[db.DatabaseRef]:
    """A database of one tree without any table, as a schema of its own."""
    schema = f"towpath_{ids.uuid7()[-12:]}"
    ref = db.DatabaseRef("control" if request.param == "control" else "x", postgres_url, schema)
    yield ref
    with db.engine(ref).begin() as connection:
        connection.execute(text(f'drop schema "{schema}" cascade'))


def changes(ref: db.DatabaseRef) -> list[object]:
    """What the tables of a schema lack of the models, and the other way round."""
    engine = create_engine(ref.url, connect_args={"options": f"-csearch_path={ref.schema}"})
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), migrate.TREES[migrate.tree_of(ref)])
    engine.dispose()
    return found


def downgrade(ref: db.DatabaseRef) -> None:
    """Go back by one revision."""
    options = {"schema_translate_map": {None: ref.schema}}
    with db.engine(ref).execution_options(**options).begin() as connection:
        config = migrate.configuration(migrate.tree_of(ref))
        config.attributes.update(connection=connection, schema=ref.schema)
        command.downgrade(config, "-1")


def test_migrations_lead_to_the_models_and_back_by_one_and_up_again(fresh):
    migrate.upgrade(fresh)
    assert changes(fresh) == []
    downgrade(fresh)
    migrate.upgrade(fresh)
    assert changes(fresh) == []


def test_upgrades_of_two_replicas_at_once_are_one(fresh):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate.upgrade, [fresh, fresh]))
    assert changes(fresh) == []


@pytest.mark.databases("postgres")
def test_two_dispatchers_deliver_each_event_once(organisation):
    heard: list[int] = []
    together = threading.Barrier(2)

    def hear(session: db.Session, event: events.Event) -> None:
        time.sleep(0.005)  # long enough for the other one to come by
        heard.append(event.data["n"])

    events.subscribe([events.Subscriber("test", ("test.*",), hear)])
    with db.write(organisation) as session:
        for number in range(40):
            events.emit(session, "test.happened", f"subject-{number}", {"n": number})

    def deliver(_: int) -> int:
        together.wait(10)
        return events.deliver(organisation)

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(deliver, range(2)))
    events.subscribe([])
    assert sorted(heard) == list(range(40))
    assert sum(done) == 40


@pytest.mark.databases("postgres")
def test_a_lease_that_two_runs_want_is_held_by_one_at_a_time(organisation, developer, monkeypatch):
    runs.launch_with(None)
    inside, most, together = [], [], threading.Barrier(2)
    with db.write(organisation) as session:
        wanting = [runs.start(session, developer, "t", title="T", subject="x", input={}).id for _ in range(2)]

    def hold(run_id: str) -> None:
        ctx = context(organisation, developer, run_id)
        together.wait(10)
        for _ in range(3):
            with leases.held(ctx, ["shared", f"other-{run_id}"], wait_s=20):
                inside.append(run_id)
                most.append(len(inside))
                threading.Event().wait(0.02)
                inside.remove(run_id)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(hold, wanting))
    assert most == [1] * 6


@pytest.mark.databases("postgres")
def test_who_waits_too_long_for_a_lease_hears_who_has_it(organisation, developer):
    runs.launch_with(None)
    with db.write(organisation) as session:
        first, second = (runs.start(session, developer, "t", title="T", subject="x", input={}).id for _ in "12")
    with leases.held(context(organisation, developer, first), ["shared"]):
        wants = leases.held(context(organisation, developer, second), ["shared"], wait_s=0)
        with pytest.raises(Conflict, match=first), wants:
            pass


def context(ref: db.DatabaseRef, actor, run_id: str) -> SimpleNamespace:
    """As much of a step's context as a lease needs."""
    return SimpleNamespace(
        actor=replace(actor, run_id=run_id), key=run_id, check=lambda: None, write=lambda: db.write(ref)
    )

"""The embedded PostgreSQL and its driver, on a real server in a folder of the test."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from towpath.kit import engines, ports
from towpath.kit.errors import Unavailable
from towpath.kit.settings import Settings, use
from towpath.orchestrator.drivers import postgres_engine
from towpath.orchestrator.drivers.postgres import PostgresDriver
from towpath.sdk.testing import check_driver, driver_context
from towpath.sdk.types import Got, Want

ORDERS = Want("postgres.default#0193-aa.development.db", "postgres")
BILLING = Want("postgres.default#0193-bb.development.db", "postgres")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres_engine.WorkloadPostgres]:
    """A running server; nothing of it is alive afterwards."""
    use(Settings(home=tmp_path_factory.mktemp("home"), port_base=26100))
    engine = postgres_engine.WorkloadPostgres()
    engine.up()
    found = engines.adopt(engine.name)
    yield engine
    engine.down()
    assert found
    assert not engines.alive(found.pid, found.started)


def connect(got: Got, password: str, **changed: str) -> psycopg.Connection:
    out = got.outputs | changed
    return psycopg.connect(
        host=out["host"], port=out["port"], dbname=out["database"], user=out["username"], password=password
    )


def refused(got: Got, password: str, **changed: str) -> bool:
    try:
        connect(got, password, **changed).close()
    except psycopg.OperationalError:
        return True
    return False


def test_the_driver_keeps_the_contract(server: postgres_engine.WorkloadPostgres) -> None:
    check_driver(PostgresDriver(), ORDERS)
    with postgres_engine.warm() as connection:
        left = connection.execute("select rolname from pg_roles where rolname like 'w\\_%'").fetchall()
    assert left == []


def test_a_role_reaches_its_own_database_and_no_other(server: postgres_engine.WorkloadPostgres) -> None:
    driver, ctx = PostgresDriver(), driver_context()
    orders, billing = driver.apply(ORDERS, ctx), driver.apply(BILLING, ctx)
    password = orders.secrets["password"]
    with connect(orders, password) as own:
        own.execute("create table item (id int)")
    for reason, changed in {
        "another database": {"database": billing.outputs["database"]},
        "the server's database": {"database": "postgres"},
        "the superuser over TCP": {"username": "postgres", "database": "postgres"},
        "another role": {"username": billing.outputs["username"], "database": billing.outputs["database"]},
    }.items():
        assert refused(orders, password, **changed), f"let in: {reason}"
    assert refused(orders, "wrong")
    for want in (ORDERS, BILLING):
        driver.destroy(want, ctx)


def test_a_repeated_apply_keeps_the_password_and_a_lost_one_is_rotated(
    server: postgres_engine.WorkloadPostgres,
) -> None:
    driver, ctx = PostgresDriver(), driver_context()
    first = driver.apply(ORDERS, ctx)
    again = driver.apply(replace(ORDERS, state=first.state), driver_context(secrets=dict(first.secrets)))
    assert again.secrets == {}
    connect(first, first.secrets["password"]).close()
    rotated = driver.apply(ORDERS, ctx)
    connect(first, rotated.secrets["password"]).close()
    assert refused(first, first.secrets["password"])
    driver.destroy(ORDERS, ctx)


def test_up_adopts_the_running_server_and_data_outlives_it(server: postgres_engine.WorkloadPostgres) -> None:
    driver, ctx = PostgresDriver(), driver_context()
    got = driver.apply(ORDERS, ctx)
    before = engines.adopt(server.name)
    server.up()
    assert engines.adopt(server.name) == before
    with connect(got, got.secrets["password"]) as held:
        held.execute("create table kept (id int)")
        held.commit()
        server.down()  # does not wait for the client to leave
    server.up()
    with connect(got, got.secrets["password"]) as again:
        assert again.execute("select count(*) from kept").fetchone() == (0,)
    driver.destroy(ORDERS, ctx)


def test_doctor_names_who_holds_the_port(server: postgres_engine.WorkloadPostgres) -> None:
    assert server.doctor().state == "ok"
    server.down()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", ports.claim(server.name)))
        stranger.listen()
        assert f"pid {os.getpid()}" in server.doctor().detail
        with pytest.raises(Unavailable, match="is taken by pid"):
            server.up()
    server.up()

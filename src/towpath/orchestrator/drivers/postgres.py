"""Driver of `postgres`: one role and one database per resource, named alike so that `sameuser` keeps them apart."""

import hashlib
import re
import secrets

import psycopg
from psycopg import sql

from towpath.kit import ports
from towpath.kit.errors import Unavailable
from towpath.orchestrator.drivers import postgres_engine
from towpath.sdk.types import DriverContext, Got, Want

CONNECTIONS = 40
"""How many connections one workload may hold, so that none can use up the server's."""


class PostgresDriver:
    """A database of its own on the embedded server; every other database and the superuser stay out of reach."""

    id = "postgres"
    types = ("postgres",)

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say what apply would do; empty once the database was made."""
        if want.state.get("database"):
            return []
        name = name_of(want, ctx)
        return [f"create the role {name} with a new password", f"create the database {name}, owned by that role alone"]

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Make role and database. The password is given once; a role whose password nobody keeps gets a new one."""
        name = name_of(want, ctx)
        with postgres_engine.warm() as connection:
            try:
                password = _role(connection, name, known="password" in ctx.given.get("secrets", {}))
                _database(connection, name)
            except psycopg.Error as error:
                raise Unavailable(f"PostgreSQL refused to make {name}: {error}", hint="run 'towpath doctor'") from error
        ctx.log(f"database {name} is ready")
        port = ports.claim(postgres_engine.NAME)
        outputs = {"host": "127.0.0.1", "port": port, "name": name, "database": name, "username": name}
        return Got(state={"database": name}, outputs=outputs, secrets={"password": password} if password else {})

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """Drop the database, with whoever is connected, and its role."""
        name = str(want.state.get("database") or name_of(want, ctx))
        with postgres_engine.warm() as connection:
            try:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
                connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
            except psycopg.Error as error:
                raise Unavailable(f"PostgreSQL refused to drop {name}: {error}", hint="run 'towpath doctor'") from error
        ctx.log(f"database {name} is gone")


def name_of(want: Want, ctx: DriverContext) -> str:
    """Name of role and database: readable, stable for a resource of an organisation, 63 bytes at most."""
    readable = re.sub(r"[^a-z0-9]+", "_", want.uid.rpartition("#")[2].partition(".")[2].lower()).strip("_")[:40]
    digest = hashlib.sha256(f"{ctx.organisation}/{want.uid}".encode()).hexdigest()[:16]
    return f"w_{readable}_{digest}" if readable else f"w_{digest}"


def _role(connection: psycopg.Connection, name: str, *, known: bool) -> str | None:
    exists = connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    if exists and known:
        return None
    password = secrets.token_urlsafe(24)
    verb = sql.SQL("alter role" if exists else "create role")
    options = sql.SQL("login nosuperuser nocreatedb nocreaterole noreplication connection limit {} password {}")
    connection.execute(
        sql.SQL("{} {} {}").format(
            verb,
            sql.Identifier(name),
            options.format(sql.Literal(CONNECTIONS), sql.Literal(_scram(connection, password))),
        )
    )
    return password


def _scram(connection: psycopg.Connection, password: str) -> str:
    # The server gets the verifier only: a password in a statement could end in its log.
    return connection.pgconn.encrypt_password(password.encode(), b"", b"scram-sha-256").decode()


def _database(connection: psycopg.Connection, name: str) -> None:
    if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is None:
        # Copying the small template as files is slower than logging its blocks.
        connection.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(name)))
    connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))


DRIVER = PostgresDriver()

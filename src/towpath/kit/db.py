"""Databases: one for control, one per organisation; one transaction per request or step, committed before the reply.

A session is opened for one DatabaseRef, to read or to write, so no query can forget a tenant filter.
SQLite: a file each, WAL, `BEGIN IMMEDIATE` to write. PostgreSQL: a schema each (`schema_translate_map`).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import JSON, Connection, DateTime, Dialect, Engine, MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from towpath.kit.errors import Conflict, Unavailable

__all__ = [
    "Base", "Connection", "ControlBase", "DatabaseRef", "Json", "Session", "Utc", "after_commit", "after_rollback", "alone",
    "begin_request", "database", "dispose", "engine", "ping", "read", "refuse_transaction", "write",
]  # fmt: skip

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
FULL = ("disk is full", "No space left on device")
"""How SQLite and PostgreSQL say that they cannot write for want of space."""
Json = JSON().with_variant(JSONB(), "postgresql")
"""Column type of a JSON document on both databases."""


class Utc(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases; SQLite stores text without an offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware moment into UTC before it is stored."""
        del dialect
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the offset back that SQLite forgot."""
        del dialect
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Tables of an organisation's database."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: Utc, dict[str, Any]: Json, list[Any]: Json, list[str]: Json}


class ControlBase(DeclarativeBase):
    """Tables of the control database, shared by all organisations."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: Utc, dict[str, Any]: Json, list[Any]: Json, list[str]: Json}


@dataclass(frozen=True)
class DatabaseRef:
    """Which database: `name` (an organisation's id or `control`), its SQLAlchemy `url`, and a `schema` on PostgreSQL."""

    name: str
    url: str
    schema: str | None = None

    def __repr__(self) -> str:
        return f"DatabaseRef({self.name!r})"


_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def engine(ref: DatabaseRef) -> Engine:
    """The pooled engine behind `ref`, made once per URL and process."""
    with _lock:
        if ref.url not in _engines:
            _engines[ref.url] = _make(ref.url)
        return _engines[ref.url]


def _make(url: str) -> Engine:
    options: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode(),
        "json_deserializer": orjson.loads,
    }
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=20, max_overflow=40, pool_pre_ping=True, **options)
    made = create_engine(url, pool_size=20, max_overflow=100, connect_args={"timeout": 30}, **options)

    @event.listens_for(made, "connect")
    def _tune(connection: Any, record: Any) -> None:
        del record
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def _begin(connection: Any) -> None:
        write = connection.get_execution_options().get("towpath_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return made


def dispose() -> None:
    """Close every pooled connection of this process."""
    with _lock:
        for made in _engines.values():
            made.dispose()
        _engines.clear()


_writing: ContextVar[list[int]] = ContextVar("writing")  # how many sessions to write are open, as one changing number


def begin_request() -> None:
    """Let every thread that serves this request know of the sessions to write that another one opened for it.

    FastAPI opens a request's session on one thread of its pool and calls the endpoint on any: a mark on the thread would
    miss the endpoint, and refuse the slow work of whichever request that thread serves next.
    """
    _writing.set([0])


def _held() -> list[int]:
    held = _writing.get(None)
    if held is None:
        _writing.set(held := [0])
    return held


def refuse_transaction() -> None:
    """Raise when this thread or request holds a session to write: no subprocess, network or template call happens then."""
    if _held()[0]:
        raise RuntimeError("slow work was started inside a transaction")


def database(session: Session) -> DatabaseRef:
    """Which database a session was opened for."""
    ref: DatabaseRef = session.info["ref"]
    return ref


def alone(session: Session, key: str) -> None:
    """Hold `key` until this transaction ends: who looks whether something is there, then makes it, does so alone.

    On SQLite a session to write is alone anyway; on PostgreSQL two would both look before either of them commits.
    """
    schema = database(session).schema
    if schema:
        session.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{schema}/{key}"})


def after_commit(session: Session, call: Callable[[], object]) -> None:
    """Run `call` once this session has committed; never when it rolls back."""
    session.info.setdefault("after_commit", []).append(call)


def after_rollback(session: Session, call: Callable[[], object]) -> None:
    """Run `call` once this session has rolled back: the record of a refusal outlives the refused act."""
    session.info.setdefault("after_rollback", []).append(call)


@contextmanager
def _session(ref: DatabaseRef, write: bool) -> Iterator[Session]:
    options: dict[str, Any] = {"towpath_write": write}
    if ref.schema:
        options["schema_translate_map"] = {None: ref.schema}
        if not write:  # PostgreSQL looks anew at each statement unless it is told not to
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    session = Session(engine(ref).execution_options(**options), expire_on_commit=False, autoflush=True)
    session.info["ref"] = ref
    held = _held()
    held[0] += write
    try:
        try:
            yield session
            if write:
                session.commit()  # a session that only read is closed: a rollback would expire what it found
        except OperationalError as error:
            session.rollback()
            raise _unavailable(error) from error
        except IntegrityError as error:
            session.rollback()
            if not _twice(error):
                raise
            raise Conflict(
                "somebody else made the same at the same moment", hint="look again, and repeat if it is still wanted"
            ) from error
        except BaseException:
            session.rollback()
            raise
        finally:
            session.close()
            held[0] -= write
    except BaseException:
        _call(session.info.get("after_rollback", []))
        raise
    if write:
        _call(session.info.get("after_commit", []))


def _unavailable(error: OperationalError) -> Unavailable:
    if any(words in str(error.orig) for words in FULL):
        return Unavailable("the disk of the database is full", hint="free space, then try again; nothing was changed")
    return Unavailable("the database did not answer", hint="run 'towpath doctor'; nothing was changed")


def _twice(error: IntegrityError) -> bool:
    """Whether two transactions made one name; any other broken constraint is a fault of ours."""
    return getattr(error.orig, "sqlstate", None) == "23505" or "UNIQUE constraint failed" in str(error.orig)


def _call(calls: list[Callable[[], object]]) -> None:
    for call in calls:
        call()


@contextmanager
def read(ref: DatabaseRef) -> Iterator[Session]:
    """A session that reads one consistent snapshot and changes nothing."""
    with _session(ref, write=False) as session:
        yield session


@contextmanager
def write(ref: DatabaseRef) -> Iterator[Session]:
    """A session whose changes commit when the block ends, and vanish when it raises."""
    with _session(ref, write=True) as session:
        yield session


def ping(ref: DatabaseRef) -> None:
    """Ask the database for 1; raises Unavailable when it does not answer."""
    with read(ref) as session:
        session.execute(text("select 1"))

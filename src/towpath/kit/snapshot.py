"""All databases of an install as they were at one moment, and back.

SQLite: the moment is that in which no database has a writer; reading goes on afterwards, from what each reader saw then.
PostgreSQL: one `pg_dump` of all schemas of the platform. Either is what a power cut would leave: runs resume from it.
"""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from sqlalchemy import make_url, text

from towpath.kit import db, postgres
from towpath.kit.errors import Conflict, Invalid, Unavailable

DUMP = "platform.sql"
SCHEMAS = ("towpath_*", "dbos")
WAIT_S = 30


def kind(ref: db.DatabaseRef) -> str:
    """`sqlite` or `postgresql`: a snapshot of one cannot become the other."""
    return "sqlite" if ref.url.startswith("sqlite") else "postgresql"


def save(control: db.DatabaseRef, folder: Path) -> None:
    """Write every database of the install into an empty folder. Raises Unavailable when a writer does not end."""
    if kind(control) == "postgresql":
        arguments = ["--clean", "--if-exists", *(f"--schema={name}" for name in SCHEMAS)]
        postgres.run("pg_dump", [*arguments, f"--file={folder / DUMP}"], environment=_connection(control))
        return
    names = sorted(_file(control).parent.glob("*.db"))
    with ExitStack() as readers:
        try:
            for name, source in zip(names, _at_one_moment(names, readers), strict=True):
                with closing(sqlite3.connect(folder / name.name)) as target:
                    source.backup(target)
        except sqlite3.OperationalError as error:  # a writer that did not end in WAIT_S, or a full disk
            raise Unavailable(f"the databases could not be copied: {error}", hint="free space, or try again") from error


def load(control: db.DatabaseRef, folder: Path) -> None:
    """Put what `save` wrote in place; after a crash the same again. Raises Invalid for the other kind's snapshot."""
    dumped = (folder / DUMP).exists()
    if dumped and kind(control) == "sqlite":
        raise Invalid("this backup is of PostgreSQL", hint="set TOWPATH_DATABASE_URL to an empty database")
    if not dumped and kind(control) == "postgresql":
        raise Invalid("this backup is of SQLite", hint="restore it without TOWPATH_DATABASE_URL")
    if kind(control) == "postgresql":
        options = ["--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--file={folder / DUMP}"]
        postgres.run("psql", options, environment=_connection(control))
        return
    place = _file(control).parent
    for left in place.glob("*.db*"):
        left.unlink()
    # The control database comes last: without it there is no install, and a restore that was cut off begins anew.
    for one in sorted(folder.glob("*.db"), key=lambda path: path.name == _file(control).name):
        one.replace(place / one.name)


def refuse_install(control: db.DatabaseRef) -> None:
    """Raise Conflict when the databases hold an install already: a restore overwrites nothing."""
    if kind(control) == "sqlite":
        there = _file(control).exists()
    else:
        with db.read(control) as session:
            found = session.execute(text("select to_regclass(:name)"), {"name": f"{control.schema}.organisation"})
            there = found.scalar() is not None
    if there:
        raise Conflict(
            "there is an install already",
            hint="restore into an empty TOWPATH_HOME (and database), or move this one away",
        )


def _at_one_moment(names: list[Path], readers: ExitStack) -> list[sqlite3.Connection]:
    """Connections that all read what was committed while nobody wrote anywhere."""
    with ExitStack() as writers:
        for name in names:
            writer = writers.enter_context(closing(sqlite3.connect(name, timeout=WAIT_S, isolation_level=None)))
            writer.execute("begin immediate")
        sources = []
        for name in names:
            source = readers.enter_context(closing(sqlite3.connect(name, timeout=WAIT_S, isolation_level=None)))
            source.execute("begin")
            source.execute("select count(*) from sqlite_master").fetchone()  # a transaction that reads begins here
            sources.append(source)
    return sources


def _file(control: db.DatabaseRef) -> Path:
    return Path(control.url.removeprefix("sqlite:///"))


def _connection(control: db.DatabaseRef) -> dict[str, str]:
    url = make_url(control.url)
    known = {
        "PGHOST": url.host or url.query.get("host"), "PGPORT": url.port or url.query.get("port"),
        "PGUSER": url.username, "PGPASSWORD": url.password, "PGDATABASE": url.database,
    }  # fmt: skip
    return {name: str(value) for name, value in known.items() if value}

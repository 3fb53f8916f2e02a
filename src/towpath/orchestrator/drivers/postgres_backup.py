"""The databases of workloads, roles and passwords' verifiers included, as one dump and back."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from towpath.kit import ports, postgres
from towpath.kit.settings import current
from towpath.orchestrator.drivers import postgres_engine
from towpath.orchestrator.drivers.postgres_engine import WorkloadPostgres
from towpath.sdk.backup import BackupPart

DUMP = "workloads.sql"
ENGINE = WorkloadPostgres()


def save(work: Path) -> Path:
    """Dump every database of the server; an install without one gives nothing. Raises Unavailable."""
    if (current().folder("postgres") / "data" / "PG_VERSION").exists():
        ENGINE.up()
        postgres.run("pg_dumpall", [f"--file={work / DUMP}"], environment=_superuser())
    return work


def load(folder: Path) -> None:
    """Fill a new server with the dump, and end it again: the next start of the portal begins with it."""
    dump = folder / DUMP
    if not dump.exists():
        return
    ENGINE.down()
    shutil.rmtree(current().folder("postgres") / "data", ignore_errors=True)
    with dump.open(errors="surrogateescape") as lines, (folder / "load.sql").open("w", errors="surrogateescape") as own:
        own.writelines(_without_superuser(lines))
    ENGINE.up()
    try:
        options = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={folder / 'load.sql'}"]
        postgres.run("psql", options, environment=_superuser())
    finally:
        ENGINE.down()


def _superuser() -> dict[str, str]:
    host, port = postgres_engine.socket_folder(), ports.claim(postgres_engine.NAME)
    return {"PGHOST": str(host), "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": "postgres"}


def _without_superuser(lines: Iterable[str]) -> Iterator[str]:
    """Leave out what makes the superuser: the new server has its own. Data begins after the first `\\connect`."""
    head = True
    for line in lines:
        head = head and not line.startswith("\\connect")
        if not (head and line.startswith(("CREATE ROLE postgres;", "ALTER ROLE postgres "))):
            yield line


PART = BackupPart("workloads", "Databases of workloads", save, load)

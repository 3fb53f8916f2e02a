"""A real PostgreSQL for measurements and tests: one server for all workers of a session, ended even when they die.

A keeper process starts the server through the platform's own engine in a folder of its own, and ends both as soon as the
process it was made for is gone, be it by the last test or by kill -9. Workers share the keeper; each has its own database.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from towpath.kit import engines, ids, ports, settings
from towpath.orchestrator.drivers import postgres_engine

# What a crash of the machine would lose is no loss here, and half the time of every commit.
QUICK = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
KEEPER = "towpath-keeper.json"


def server(shared: Path, owner: int) -> str:
    """The URL of the server that `shared` names, started for process `owner` when nobody did so before."""
    kept = shared / KEEPER
    with (shared / f"{KEEPER}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            command = [sys.executable, "-m", "bench.postgres", str(kept), str(owner)]
            root = str(Path(__file__).parent.parent)
            if subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, check=False).returncode:
                raise RuntimeError("PostgreSQL for the tests did not start")
    return str(json.loads(kept.read_text())["url"])


def end(shared: Path) -> None:
    """End the keeper of `shared` with its server and folder; returns when they are gone. Without one nothing happens."""
    kept = shared / KEEPER
    if not kept.exists():
        return
    found = json.loads(kept.read_text())
    kept.unlink()
    if engines.alive(found["pid"], found["started"]):
        os.kill(found["pid"], signal.SIGTERM)
    while engines.alive(found["pid"], found["started"]):
        time.sleep(0.01)


@contextmanager
def database(url: str) -> Iterator[str]:
    """A new database on a server, dropped afterwards; yields its URL."""
    name = f"test_{ids.uuid7()[-12:]}"
    head, _, query = url.partition("?")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    yield f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


def keep(kept: Path, owner: int) -> None:
    """The keeper: start the server, say where it is, wait for the end of `owner` or for SIGTERM, leave nothing."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    watched = psutil.Process(owner)
    folder = Path(tempfile.mkdtemp(prefix="towpath-test-"))
    settings.use(settings.Settings(home=folder, port_base=27100 + 50 * (os.getpid() % 90)))
    engine = postgres_engine.WorkloadPostgres()
    try:
        engine.up()
        _hurry()
        url = f"postgresql+psycopg://postgres@/postgres?host={quote(str(postgres_engine.socket_folder()), safe='')}"
        mine = {"pid": os.getpid(), "started": engines.start_time(os.getpid())}
        kept.with_suffix(".part").write_text(json.dumps({"url": f"{url}&port={ports.claim(engine.name)}", **mine}))
        kept.with_suffix(".part").rename(kept)
        while not stopping and watched.is_running() and watched.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.1)
    finally:
        engine.down()
        shutil.rmtree(engines.run_folder(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _hurry() -> None:
    with postgres_engine.superuser() as connection:
        for setting in QUICK:
            connection.execute(f"alter system set {setting}")
        connection.execute("select pg_reload_conf()")


def main(kept: Path, owner: int) -> int:
    """Begin a keeper that is nobody's child, and return once it said where the server is; 1 when it ended instead."""
    child = os.fork()
    if not child:
        os.setsid()
        keep(kept, owner)
        return 0
    while not kept.exists():
        if os.waitpid(child, os.WNOHANG)[0]:
            return 1
        time.sleep(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))

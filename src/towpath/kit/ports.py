"""Loopback ports from our own table, below the ephemeral range: two things never race for one, and a name keeps its port.

The kernel hands out 32768-60999 to whoever connects; a port chosen there may be taken before its owner listens on it.
"""

import errno
import fcntl
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from towpath.kit import files
from towpath.kit.errors import Unavailable
from towpath.kit.settings import current

SIZE = 4000
"""How many ports from `settings.port_base` on belong to this install."""


def claim(name: str) -> int:
    """The port of `name`: the one it has, or the next free one of the table. Raises Unavailable when all are taken.

    The table goes round, so that a port just given back is not soon the port of somebody else.
    """
    with _table() as table:
        ports: dict[str, int] = table["ports"]
        if name not in ports:
            ports[name] = table["last"] = _next(set(ports.values()), table["last"])
        return ports[name]


def release(name: str) -> None:
    """Give the port of `name` back; nothing happens when it has none."""
    with _table() as table:
        table["ports"].pop(name, None)


def claimed() -> dict[str, int]:
    """All names with their ports."""
    with _table() as table:
        return dict(table["ports"])


def free(port: int) -> bool:
    """Whether nobody listens on that loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def holder(port: int) -> str:
    """Who listens on a port, for people: `pid 4711 (nginx)`; `another process` when the kernel does not tell."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return "another process"
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid:
            try:
                return f"pid {one.pid} ({psutil.Process(one.pid).name()})"
            except psutil.Error:
                return f"pid {one.pid}"
    return "another process"


def _next(taken: set[int], last: int) -> int:
    base = current().port_base
    start = last - base + 1 if base <= last < base + SIZE else 0
    for step in range(SIZE):
        port = base + (start + step) % SIZE
        if port not in taken and free(port):
            return port
    raise Unavailable(f"all {SIZE} ports from {base} on are taken", hint="set TOWPATH_PORT_BASE to another range")


@contextmanager
def _table() -> Iterator[dict[str, Any]]:
    path = current().data / "ports.json"
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        table = json.loads(path.read_text()) if path.exists() else {"last": 0, "ports": {}}
        before = json.dumps(table)
        yield table
        if json.dumps(table) != before:
            files.write_json(path, table)

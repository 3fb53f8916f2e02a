"""What foreign code tries: it runs inside a workflow step, a service and a build, and tells what it could do.

The test appends `GIVEN`: paths, sockets, pids and roles of the install. Python's standard library, and psycopg where it is.
"""

import importlib.util
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

GIVEN: dict = {}


def opened(path):
    try:
        with Path(path).open("rb") as handle:
            handle.read(1)
    except OSError:
        return False
    return True


def shown(path):
    try:
        return Path(path).exists()
    except OSError:
        return False


def inside(folder):
    return [str(Path(base) / name) for base, _, names in os.walk(folder) for name in names]


def connects(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
    return True


def told(portal_marker):
    """Processes whose environment or command line tells what only the portal knows."""
    found = []
    for path in [one / name for one in Path("/proc").glob("[0-9]*") for name in ("environ", "cmdline")]:
        try:
            if portal_marker.encode() in path.read_bytes():
                found.append(str(path))
        except OSError:
            continue
    return found


def entered(pids):
    """Ways into the host's file system through its processes."""
    return [pid for pid in pids for way in ("root", "cwd") if shown(f"/proc/{pid}/{way}/")]


def status(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code


def let_in(port, attempts):
    """Which of (role, database, password) PostgreSQL lets in over TCP."""
    import psycopg

    found = []
    for role, database, password in attempts:
        words = {"host": "127.0.0.1", "port": port, "user": role, "dbname": database, "password": password}
        try:
            psycopg.connect(**words, connect_timeout=5).close()
        except psycopg.OperationalError:
            continue
        found.append(f"{role}@{database}")
    return found


def own_role():
    """Whether the service's own role gets in, and where else the same role and password do."""
    import psycopg

    words = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_URL"])
    own = (words["user"], words["dbname"], words["password"])
    elsewhere = [(words["user"], one, words["password"]) for one in GIVEN["databases"] if one != words["dbname"]]
    return let_in(words["port"], [own, *elsewhere])


def written(folders):
    found = []
    for folder in folders:
        try:
            (Path(folder) / "planted.py").write_text("")
        except OSError:
            continue
        found.append(folder)
    return found


def privileges():
    status_lines = Path("/proc/self/status").read_text().splitlines()
    lines = dict(line.split(":\t", 1) for line in status_lines if ":\t" in line)
    return {lines[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def look(given):
    """Everything at once, as JSON."""
    roles = [
        (role, database, word) for role in given["roles"] for database in given["databases"] for word in ("", role)
    ]
    modules = [str(Path(one).resolve()) for one in [*sys.path, *given["layers"]] if Path(one).is_dir()]
    return {
        "opened": [path for path in given["files"] if opened(path)], "seen": inside(given["home"]),
        "checkout": shown(given["checkout"]), "connected": [path for path in given["sockets"] if connects(path)],
        "told": told(given["marker"]), "marker": [key for key, value in os.environ.items() if given["marker"] in value],
        "entered": entered(given["pids"]), "answers": {url: status(url) for url in given["urls"]},
        "let_in": let_in(given["port"], roles) if importlib.util.find_spec("psycopg") else None,
        "own": own_role() if "DATABASE_URL" in os.environ else None, "written": written(modules), "towpath": importlib.util.find_spec("towpath") is not None,
        "uid": os.getuid(), "privileges": sorted(privileges()),
    }  # fmt: skip


def tell():
    print("PROBE " + json.dumps(look(GIVEN)), flush=True)

"""kill -9 of the portal at a named place, a second start, and a look at what is there.

`make bench-kill9` does so before `do`, after `do` and after `settle` of every step of every run of the road, on SQLite, then
at the places of `SAMPLE` on PostgreSQL, where another replica goes on alone; `python -m bench.bench_kill9 PLACE…` only at the
named places, `python -m bench.bench_kill9 postgres` only the sample.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench import postgres, road
from bench.install import TOWPATH, Install, fresh, give_layers, keep_layers

NAME = "orders"
SAMPLE = [
    ("task/publish/after-do", "create"), ("pipeline/workflow/before-do", "create"), ("deployment/apply/after-do", "create"),
    ("deployment/apply/after-settle", "create"), ("deletion/repositories.repository/after-do", "delete"),
]  # fmt: skip
"""Places on PostgreSQL: an outside effect of each kind of run, made but not recorded, or not made yet."""
TAKE_OVER_S = 180.0
"""Seconds another replica may take: 30 of silence, the next heartbeat, and the rest of the run itself."""


def case(place: str, story: str, layers: Path, url: str = "") -> str:
    """Run a create (or a create and a deletion), die at `place`, start again. Returns `resumed`, or `retried` when a
    retry was needed. Raises RuntimeError when the end is not consistent or the portal never died.

    With the `url` of a PostgreSQL database another replica is there from the start, and ends the run before the second
    start; it returns `taken over`.
    """
    with tempfile.TemporaryDirectory(prefix="towpath-kill9-") as folder:
        home = Path(folder) / "home"
        give_layers(layers, home)
        with _other_replica(home, url) as begin:
            run = _die(home, place, story, begin, url)
            taken = bool(url) and _status(url, run, TAKE_OVER_S) == "succeeded"
        with fresh(home, TOWPATH_DATABASE_URL=url) as install:
            keep_layers(home, layers)
            found = _ended(install, run)
            word = "resumed"
            if found["status"] != "succeeded":
                install.api.post(f"/api/v1/runs/{run}/retry").raise_for_status()
                found, word = _ended(install, run), "retried"
            if found["status"] != "succeeded":
                raise RuntimeError(f"{place}: {found['status']}: {found['error']}")
            (_deleted if story == "delete" else _running)(install)
            return "taken over" if taken else word


@contextmanager
def _other_replica(home: Path, url: str) -> Iterator[Callable[[Install], None]]:
    """On PostgreSQL, `begin(install)` starts `towpath work` beside a portal; it is ended as a process manager would."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin(install: Install) -> None:
        if url:
            log = (home.parent / "replica.log").open("w")
            begun.append(subprocess.Popen([TOWPATH, "work"], env=_healthy(install), stdout=log, stderr=log))
            log.close()

    try:
        yield begin
    finally:
        for one in begun:
            one.terminate()
            one.wait(60)


def _healthy(install: Install) -> dict[str, str]:
    return {name: value for name, value in install.environment.items() if name != "TOWPATH_KILL_AT"}


def _status(url: str, run: str, limit_s: float) -> str:
    """How a run stands in the database once it ended, or after `limit_s`; there is no portal to ask."""
    until, status = time.monotonic() + limit_s, ""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        while status not in ("succeeded", "failed", "cancelled") and time.monotonic() < until:
            found = connection.execute("select status from towpath_org_northbank.run where id = %s", [run]).fetchone()
            status = str(found[0]) if found else ""
            time.sleep(0.1)
    return status


def _die(home: Path, place: str, story: str, begin: Callable[[Install], None], url: str) -> str:
    """Start a portal that kills itself at `place`; returns the run to follow."""
    try:
        if story == "delete":
            with fresh(home, keep="1", TOWPATH_DATABASE_URL=url) as install:
                road.stages(install, road.create(install, NAME)[1])
        with fresh(home, keep="1", TOWPATH_KILL_AT=place, TOWPATH_DATABASE_URL=url) as install:
            begin(install)
            run = _wish(install, story)
            for _ in range(3000):
                try:
                    install.api.get("/healthz", timeout=2)
                except httpx.HTTPError:
                    return run
                time.sleep(0.02)
    except httpx.HTTPError as error:
        raise RuntimeError(f"the portal died too early for {place}") from error
    raise RuntimeError(f"the portal never came to {place}")


def _wish(install: Install, story: str) -> str:
    if story == "delete":
        reply = install.api.delete(f"/api/v1/entities/component/default/{NAME}", params={"confirm": NAME})
        return str(reply.json()["run"])
    values = {"name": NAME, "owner": "group:default/payments", "description": "x", "database": True}
    wish = {"templateRef": road.TEMPLATE, "values": values}
    return str(install.api.post("/api/scaffolder/v2/tasks", json=wish).json()["id"])


def _ended(install: Install, run: str) -> dict[str, Any]:
    for _ in range(2400):
        found: dict[str, Any] = install.api.get(f"/api/v1/runs/{run}").json()
        if found["status"] in ("succeeded", "failed", "cancelled"):
            return found
        time.sleep(0.05)
    raise RuntimeError(f"run {run} did not end")


def _running(install: Install) -> None:
    reply = httpx.get(f"{install.edge}/openapi.json", headers={"Host": f"{NAME}.development.localhost"}, timeout=10)
    if reply.status_code != 200:
        raise RuntimeError(f"the service answers {reply.status_code}")
    rows = install.api.get("/api/v1/deployments").json()
    if [one["status"] for one in rows].count("succeeded") != 1:
        raise RuntimeError(f"deployments: {rows}")
    _count(install.home / "repositories", "*.git", 1)
    _count(install.home / "edge" / "dynamic", "*", 1)


def _deleted(install: Install) -> None:
    _count(install.home / "repositories", "*.git", 0)
    _count(install.home / "edge" / "dynamic", "*", 0)
    if install.api.get(f"/api/catalog/entities/by-name/component/default/{NAME}").status_code != 404:
        raise RuntimeError("the entity is still there")


def _count(folder: Path, pattern: str, expected: int) -> None:
    found = [path.name for path in folder.glob(pattern) if path.is_dir() or NAME in path.read_text(errors="ignore")]
    if len(found) != expected:
        raise RuntimeError(f"{folder.name}: expected {expected}, found {found}")


def places() -> list[tuple[str, str]]:
    """Every place of every step of a create and of a deletion, with the story that comes by; from a real run of each."""
    with fresh() as install:
        seen = road.stages(install, road.create(install, NAME)[1])
        created = [name.replace(".", "/", 1) for name in seen]
        run = _wish(install, "delete")
        _ended(install, run)
        steps = install.api.get(f"/api/v1/runs/{run}").json()["steps"]
    deleted = [f"deletion/{step['key']}" for step in steps]
    found = [(step, "create") for step in created] + [(step, "delete") for step in deleted]
    return [(f"{step}/{point}", story) for step, story in found for point in ("before-do", "after-do", "after-settle")]


def _walk(cases: list[tuple[str, str]], layers: Path, words: Counter[str], server: str = "") -> dict[str, str]:
    """Run cases, each on a database of its own when there is a server; a line for each. Returns what is broken."""
    broken = {}
    for place, story in cases:
        began = time.monotonic()
        try:
            if server:
                with postgres.database(server) as url:
                    word = case(place, story, layers, url)
            else:
                word = case(place, story, layers)
        except RuntimeError as error:
            word, broken[place] = "broken", str(error)[:500]
        words[word] += 1
        print(f"{place:<56} {word:<10} {time.monotonic() - began:5.1f} s", flush=True)
    return broken


def main(wanted: list[str]) -> int:
    """Walk the matrix; a line for each place, the result as JSON last."""
    words: Counter[str] = Counter()
    broken: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="towpath-kill9-layers-") as folder:
        layers = Path(folder) / "layers"
        layers.mkdir()
        if wanted != ["postgres"]:
            chosen = [one for one in places() if not wanted or any(one[0].startswith(word) for word in wanted)]
            broken |= _walk(chosen, layers, words)
        if wanted in ([], ["postgres"]):
            print("on PostgreSQL, with another replica:")
            shared = Path(folder) / "server"
            shared.mkdir()
            broken |= _walk(SAMPLE, layers, words, postgres.server(shared, os.getpid()))
            postgres.end(shared)
    print(json.dumps({"kill9": {**words, "places": sum(words.values()), "failures": broken}}))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

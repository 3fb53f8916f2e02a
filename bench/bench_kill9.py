"""kill -9 of the portal at a named place, a second start, and a look at what is there.

`make bench-kill9` does so before `do`, after `do` and after `settle` of every step of every run of the road; `python -m
bench.bench_kill9 PLACE…` only at the named places. `TOWPATH_DATABASE_URL` puts the control database on PostgreSQL.
"""

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from bench import road
from bench.install import Install, fresh

NAME = "orders"


def case(place: str, story: str, layers: Path) -> str:
    """Run a create (or a create and a deletion), die at `place`, start again. Returns `resumed`, or `retried` when a
    retry was needed. Raises RuntimeError when the end is not consistent or the portal never died."""
    with tempfile.TemporaryDirectory(prefix="towpath-kill9-") as folder:
        home = Path(folder) / "home"
        _give_layers(layers, home)
        run = _die(home, place, story)
        with fresh(home) as install:
            _keep_layers(home, layers)
            found = _ended(install, run)
            word = "resumed"
            if found["status"] != "succeeded":
                install.api.post(f"/api/v1/runs/{run}/retry").raise_for_status()
                found, word = _ended(install, run), "retried"
            if found["status"] != "succeeded":
                raise RuntimeError(f"{place}: {found['status']}: {found['error']}")
            (_deleted if story == "delete" else _running)(install)
            return word


def _give_layers(layers: Path, home: Path) -> None:
    if any(layers.iterdir()):
        shutil.copytree(layers, home / "layers", symlinks=True)
        (home).chmod(0o700)


def _keep_layers(home: Path, layers: Path) -> None:
    if not any(layers.iterdir()) and (home / "layers").exists():
        for one in (home / "layers").iterdir():
            if one.is_dir() and not one.name.startswith("."):
                shutil.copytree(one, layers / one.name, symlinks=True)


def _die(home: Path, place: str, story: str) -> str:
    """Start a portal that kills itself at `place`; returns the run to follow."""
    try:
        if story == "delete":
            with fresh(home, keep="1") as install:
                road.stages(install, road.create(install, NAME)[1])
        with fresh(home, keep="1", TOWPATH_KILL_AT=place) as install:
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


def main(wanted: list[str]) -> int:
    """Walk the matrix; a line for each place, the result as JSON last."""
    words: Counter[str] = Counter()
    broken = {}
    with tempfile.TemporaryDirectory(prefix="towpath-kill9-layers-") as folder:
        for place, story in places():
            if wanted and not any(place.startswith(one) for one in wanted):
                continue
            began = time.monotonic()
            try:
                word = case(place, story, Path(folder))
            except RuntimeError as error:
                word, broken[place] = "broken", str(error)[:500]
            words[word] += 1
            print(f"{place:<56} {word:<8} {time.monotonic() - began:5.1f} s", flush=True)
    print(json.dumps({"kill9": {**words, "places": sum(words.values()), "failures": broken}}))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

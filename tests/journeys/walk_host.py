"""Run as a program by whoever the host lets be: start an install, press Create, look around, end it; prints JSON."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx
from bench import road
from bench.install import TOWPATH, Install, fresh, processes

from towpath.kit import db, jail
from towpath.kit import settings as kit_settings
from towpath.kit.errors import Unavailable
from towpath.organisations import service as organisations

PAGES = ("/", "/catalog", "/create", "/deployments", "/environments", "/settings", "/settings/engines", "/nowhere")


def towpath(install: Install, *words: str, **changed: str) -> dict[str, Any]:
    done = subprocess.run(
        [TOWPATH, *words],
        env={**install.environment, **changed},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return {"code": done.returncode, "out": done.stdout, "error": done.stderr}


def walk(install: Install) -> dict[str, Any]:
    seconds, run = road.create(install, "orders")
    road.stages(install, run)
    with httpx.Client(base_url=str(install.api.base_url)) as anybody:
        pages = {"/sign-in": anybody.get("/sign-in").text}
    pages |= {path: install.api.get(path, headers={"accept": "text/html"}).text for path in PAGES}
    note = httpx.post(
        f"{install.edge}/notes", json={"text": "kept"}, headers={"Host": "orders.development.localhost"}, timeout=10
    )
    return {
        "note": note.status_code, "create_s": round(seconds, 2), "up_s": round(install.started_s, 2), "pages": pages,
        "task": install.api.get(f"/api/v1/runs/{run}").json()["status"], "doctor": towpath(install, "doctor"),
        "uids": sorted({one.uids().real for one in processes(install.home)}),
    }  # fmt: skip


def second_organisation(home: Path) -> str:
    """What creating one says; empty when it is allowed."""
    kit_settings.use(kit_settings.Settings(home=home))
    try:
        with db.write(organisations.control()) as session:
            organisations.create(session, "southbank", "Southbank")
    except Unavailable as error:
        return error.message
    return ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with fresh(home) as install:
            found = walk(install)
        found |= {"uid": os.getuid(), "kind": jail.probe().kind, "second": second_organisation(home)}
        found["production"] = towpath(install, "up", TOWPATH_PRODUCTION="true") if found["kind"] == "none" else {}
    print(json.dumps(found))

"""The main job, headless: one click to a running service, on a fresh data folder and free ports (`make road`)."""

import json
import statistics
import sys
import time
from datetime import datetime
from typing import Any

import httpx

from bench.install import Install, fresh

TEMPLATE = "template:default/python-web-service"


def create(install: Install, name: str, limit_s: float = 180) -> tuple[float, str]:
    """Press Create; returns seconds from the POST to the first 200 of the service, and the run. Raises on failure."""
    values = {"name": name, "owner": "group:default/payments", "description": "On the road", "database": True}
    began = time.monotonic()
    reply = install.api.post("/api/scaffolder/v2/tasks", json={"templateRef": TEMPLATE, "values": values})
    if reply.status_code != 201:
        raise RuntimeError(f"create refused: {reply.text}")
    run, looked = reply.json()["id"], 0.0
    with httpx.Client(timeout=5) as edge:
        while time.monotonic() - began < limit_s:
            try:
                answer = edge.get(f"{install.edge}/openapi.json", headers={"Host": f"{name}.development.localhost"})
                if answer.status_code == 200 and answer.json()["info"]["title"] == name:
                    return time.monotonic() - began, run
            except httpx.HTTPError:
                pass
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                state = install.api.get(f"/api/v1/runs/{run}").json()
                if state["status"] in ("failed", "cancelled"):
                    raise RuntimeError(f"the task {state['status']}: {state['error']}")
            time.sleep(0.02)
    raise RuntimeError(f"{name} did not answer within {limit_s:.0f} s")


def stages(install: Install, run: str) -> dict[str, float]:
    """Seconds of each step of the tree of runs, `kind.step`; waits for the task to end."""
    while install.api.get(f"/api/v1/runs/{run}").json()["status"] in ("queued", "running"):
        time.sleep(0.05)
    found: dict[str, float] = {}
    for one in reversed(install.api.get("/api/v1/runs", params={"root_id": run}).json()):
        for step in one["steps"]:
            if step["started_at"] and step["finished_at"]:
                found[f"{one['kind']}.{step['key']}"] = round(_at(step["finished_at"]) - _at(step["started_at"]), 3)
    return found


def _at(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def main() -> int:
    """One cold and five warm creates; the last line is the result as JSON."""
    result: dict[str, Any] = {"click_to_url_s": None, "stages": {}, "ok": False}
    try:
        with fresh() as install:
            print(f"portal up in {install.started_s:.2f} s")
            cold, run = create(install, "road-cold")
            print(f"first create, dependencies built: {cold:.2f} s")
            stages(install, run)
            warm = []
            for number in range(1, 6):
                seconds, run = create(install, f"road-{number}")
                result["stages"] = stages(install, run)
                warm.append(seconds)
                print(f"create {number}: {seconds:.2f} s")
            for name, seconds in result["stages"].items():
                print(f"  {name:<22} {seconds:6.3f} s")
            result |= {
                "click_to_url_s": round(statistics.median(warm), 3), "cold_s": round(cold, 3),
                "portal_up_s": round(install.started_s, 3), "ok": True,
            }  # fmt: skip
    except (RuntimeError, OSError, httpx.HTTPError) as error:
        result["error"] = str(error)
        print(f"The road is broken: {error}", file=sys.stderr)
    print(json.dumps({"road": result}))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())

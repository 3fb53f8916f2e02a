"""Roll back: seconds from the POST to the first answer of the old version, beside a plain roll forward by `git push`."""

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from bench import road
from bench.install import Install, fresh

TIMES = 10


def main() -> None:
    """One JSON line; two versions of one service take turns."""
    with fresh() as install, tempfile.TemporaryDirectory(prefix="towpath-rollback-") as folder:
        _, run = road.create(install, "orders")
        road.stages(install, run)
        first = install.api.get("/api/v1/deployments").json()[0]["id"]
        began = time.monotonic()
        _push(install, Path(folder))
        _until(install, "Welcome to orders")
        pushed = time.monotonic() - began
        second = install.api.get("/api/v1/deployments").json()[0]["id"]
        road.stages(install, second)  # it answers a moment before its run has ended
        took = []
        for number in range(TIMES):
            target, words = ((first, "Hello from orders"), (second, "Welcome to orders"))[number % 2]
            began = time.monotonic()
            reply = install.api.post(f"/api/v1/deployments/{target}/rollback")
            reply.raise_for_status()
            _until(install, words)
            took.append(time.monotonic() - began)
            road.stages(install, reply.json()["id"])
    result = {"median_s": round(statistics.median(took), 3), "max_s": round(max(took), 3), "push_s": round(pushed, 3)}
    print(json.dumps({"rollback": result}))


def _until(install: Install, words: str) -> None:
    for _ in range(2000):
        reply = httpx.get(f"{install.edge}/", headers={"Host": "orders.development.localhost"}, timeout=10)
        if reply.status_code != 200:
            raise RuntimeError(f"a request failed: {reply.status_code}")
        if reply.json()["message"] == words:
            return
        time.sleep(0.02)
    raise RuntimeError(f"{words!r} never came")


def _push(install: Install, folder: Path) -> None:
    token = install.api.headers["authorization"][7:]
    url = str(install.api.base_url).replace("http://", f"http://ada:{token}@")
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run([*git, "clone", "-q", f"{url}/git/orders.git", folder], check=True)
    app = folder / "src/orders_service/app.py"
    app.write_text(app.read_text().replace("Hello from", "Welcome to"))
    subprocess.run([*git, "commit", "-qam", "Welcome"], cwd=folder, check=True)
    subprocess.run([*git, "push", "-q", "origin", "HEAD"], cwd=folder, check=True)


if __name__ == "__main__":
    main()

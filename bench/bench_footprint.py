"""What an install weighs: start-up, memory of every process after a create, and processor time when nobody does anything."""

import contextlib
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench import road
from bench.install import Install, fresh, processes

IDLE_S = 60.0


def main() -> None:
    """One JSON line: seconds of the first and second start, megabytes (PSS) by process, cores used while idle."""
    with tempfile.TemporaryDirectory(prefix="towpath-footprint-") as folder:
        home = Path(folder) / "home"
        with fresh(home, keep="1") as install:
            first = install.started_s
            _, run = road.create(install, "orders")
            road.stages(install, run)
            memory = _memory(home)
            address = "/api/v1/entities/component/default/orders"
            deletion = install.api.delete(address, params={"confirm": "orders"}).json()["run"]
            road.stages(install, deletion)
        with fresh(home) as install:
            second = install.started_s
            with _open_page(install, run):
                time.sleep(5)
                idle = _idle(home)
    print(json.dumps({"footprint": {
        "first_start_s": round(first, 2), "second_start_s": round(second, 2), "memory_MB": memory, "idle_cores": idle,
    }}))  # fmt: skip


def _memory(home: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for process in processes(home):
        with contextlib.suppress(psutil.NoSuchProcess):
            name = _name(process)
            found[name] = round(found.get(name, 0) + process.memory_full_info().pss / 1e6, 1)
    return found


def _idle(home: Path) -> dict[str, float]:
    """Cores (seconds of user and system time per second), by process and in all."""
    before = {one.pid: (one, _name(one), _spent(one)) for one in processes(home)}
    time.sleep(IDLE_S)
    found: dict[str, float] = {}
    for process, name, spent in before.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            found[name] = round(found.get(name, 0) + (_spent(process) - spent) / IDLE_S, 4)
    return {"total": round(sum(found.values()), 4), **found}


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    return next(
        (word for word in ("towpath up", "traefik", "postgres", "supervisor") if word in " ".join(words)), words[0]
    )


@contextlib.contextmanager
def _open_page(install: Install, run: str) -> Any:
    """Somebody looks at a page that is fed by server-sent events."""
    stop = threading.Event()

    def look() -> None:
        with (
            httpx.Client(base_url=install.api.base_url, headers=install.api.headers, timeout=None) as client,
            client.stream("GET", f"/runs/{run}/live") as reply,
        ):
            for _ in reply.iter_lines():
                if stop.is_set():
                    return

    threading.Thread(target=look, daemon=True).start()
    yield
    stop.set()


if __name__ == "__main__":
    main()

"""Pages of the demo organisation and the cards they load: server time, and bytes on the wire, beside `/healthz`."""

import html
import json
import re
import time
from statistics import median
from typing import Any

import httpx

from bench import road
from bench.install import fresh

TIMES = 60
ENTITY = "/catalog/default/component/orders"
TABS = ("", "?tab=pipeline", "?tab=deployments", "?tab=resources", "?tab=logs")
PAGES = (
    "/", "/catalog", "/create", "/create/templates/default/python-web-service", "/deployments", "/environments",
    "/pipelines", "/repositories", "/repositories/orders", "/approvals", "/settings", "/settings/tokens",
)  # fmt: skip
CARD = re.compile(r'hx-get="([^"]+)"')


def main() -> None:
    """One JSON line: of pages and of cards the slowest p95 in milliseconds and the largest, compressed, in kilobytes."""
    with fresh() as install:
        run = road.create(install, "orders")[1]
        road.stages(install, run)
        bare = _measure(install.api, "/healthz")
        pages = [*PAGES, *(ENTITY + tab for tab in TABS), f"/runs/{run}"]
        cards = {html.unescape(one) for page in pages for one in CARD.findall(install.api.get(page).text)}
        result: dict[str, Any] = {"baseline": bare}
        for name, paths in (("pages", pages), ("cards", sorted(cards))):
            found = {path: _measure(install.api, path) for path in paths}
            for path, one in sorted(found.items(), key=lambda pair: -pair[1]["p95_ms"]):
                print(f"{one['p50_ms']:7.1f} {one['p95_ms']:7.1f} ms {one['kB']:7.1f} kB  {path}")
            result[name] = {
                "measured": len(found),
                "p95_ms": max(one["p95_ms"] for one in found.values()),
                "largest_kB": max(one["kB"] for one in found.values()),
            }
    print(json.dumps({"pages": result}))


def _measure(client: httpx.Client, path: str) -> dict[str, float]:
    times, size = [], 0
    for _ in range(TIMES):
        began = time.perf_counter()
        with client.stream("GET", path, headers={"Accept-Encoding": "gzip, br"}) as reply:
            size = sum(len(part) for part in reply.iter_raw())
        times.append((time.perf_counter() - began) * 1000)
        if reply.status_code != 200:
            raise RuntimeError(f"{path} answered {reply.status_code}")
    times.sort()
    return {
        "p50_ms": round(median(times), 1),
        "p95_ms": round(times[int(TIMES * 0.95)], 1),
        "kB": round(size / 1000, 1),
    }


if __name__ == "__main__":
    main()

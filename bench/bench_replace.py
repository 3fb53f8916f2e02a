"""Rolling replacements under load: how many requests fail? `make bench-replace` prints one JSON line."""

import http.client
import importlib.util
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from towpath.kit.settings import Settings, use
from towpath.runtimes import replacing, service
from towpath.runtimes.edge import Edge
from towpath.runtimes.supervisor import Supervisor

HOST, EDGE_PORT, CLIENTS = "orders.development.localhost", 27499, 4
PARTS = Path(__file__).parents[1] / "tests" / "runtimes" / "conftest.py"


def main(swaps: int) -> None:
    """Swap the release `swaps` times while clients ask; half of them on fresh connections."""
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder:
        use(Settings(home=Path(folder) / "home", port_base=27500, edge_port=EDGE_PORT, drain_s=0.5))
        supervisor, edge = Supervisor(replacing.end_orphans), Edge()
        supervisor.up()
        edge.up()
        try:
            print(json.dumps(_measure(Path(folder), swaps)))
        finally:
            service.remove("orders.development")
            edge.down()
            supervisor.down()


def _measure(folder: Path, swaps: int) -> dict[str, object]:
    spec = importlib.util.spec_from_file_location("parts", PARTS)
    assert spec
    assert spec.loader
    parts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parts)
    layer, wheel = parts.build_layer(folder), parts.build_wheel(folder)

    def swap(number: int) -> float:
        began = time.monotonic()
        names = ("orders.development", "bench", "orders", "development")
        service.replace(service.Release(f"r{number}", *names, wheel, layer, ("orders",), live="/"))
        return time.monotonic() - began

    first = swap(0)
    service.bind("orders.development", "route", HOST)
    failures, waits, stop = [], [], threading.Event()

    def load(keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", EDGE_PORT, timeout=10)
        while not stop.is_set():
            began = time.monotonic()
            try:
                connection.request("GET", "/", headers={"Host": HOST})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failures.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                connection.close()
            waits.append(time.monotonic() - began)
            if not keep:
                connection.close()
            time.sleep(0.005)
        connection.close()

    threads = [threading.Thread(target=load, args=(number % 2 == 0,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    took = [swap(number) for number in range(1, swaps + 1)]
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    waits.sort()
    return {
        "swaps": swaps,
        "requests": len(waits),
        "failures": len(failures),
        "kinds": sorted({str(one) for one in failures}),
        "first_s": round(first, 3),
        "swap_median_s": round(statistics.median(took), 3),
        "request_p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "request_p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 1),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)

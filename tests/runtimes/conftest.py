"""A whole runtime in the folder of one test: real supervisord, real edge, services made of a wheel on a layer."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from towpath.kit import ports
from towpath.kit.settings import Settings, use
from towpath.runtimes import replacing
from towpath.runtimes.edge import Edge
from towpath.runtimes.releases import Release
from towpath.runtimes.supervisor import Supervisor

SERVICE = """
import json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        ready = os.environ.get("READY", "200") if self.path == "/readyz" else "200"
        if self.path == "/slow":
            time.sleep(0.5)
        if self.path == "/print":
            print("secret is", os.environ["TOKEN"], flush=True)
        body = json.dumps({"pid": os.getpid(), "token": os.environ.get("TOKEN"), "uid": os.getuid()}).encode()
        self.send_response(int(ready))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

def main():
    print("hello from", sys.argv[1:], flush=True)
    if os.environ.get("CRASH_AFTER"):
        threading.Timer(float(os.environ["CRASH_AFTER"]), lambda: os._exit(7)).start()
    if os.environ.get("CRASH"):
        raise SystemExit("cannot start: " + os.environ["CRASH"])
    server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.02)
    server.server_close()
"""


def build_wheel(folder: Path) -> Path:
    """A wheel `orders` with one module and the console script `orders`."""
    info = "orders-1.0.dist-info"
    files = {
        "orders/__init__.py": "",
        "orders/main.py": SERVICE,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: orders\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\norders = orders.main:main\n",
    }
    rows = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(text.encode())}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    wheel = folder / "orders-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


def build_layer(folder: Path) -> Path:
    """A relocatable venv without packages."""
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "-q", "--relocatable", "--python", sys.executable, folder / "layer"], check=True)
    return folder / "layer"


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A layer without packages and the wheel."""
    folder = tmp_path_factory.mktemp("parts")
    return build_layer(folder), build_wheel(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running runtime; afterwards no process of it is alive and its ports are free."""
    path = tmp_path_factory.mktemp("home")
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    edge_port = 26499 - worker
    use(Settings(home=path, port_base=26500 + 700 * worker, edge_port=edge_port, ready_timeout_s=5, drain_s=0.3))
    supervisor, edge = Supervisor(replacing.end_orphans), Edge()
    supervisor.up()
    edge.up()
    yield path
    edge.down()
    supervisor.down()
    assert [one for one in psutil.process_iter(["cmdline"]) if str(path) in " ".join(one.info["cmdline"] or [])] == []
    assert ports.free(edge_port)


@pytest.fixture
def release(home: Path, parts: tuple[Path, Path]) -> Callable[..., Release]:
    """Makes releases of the service `orders` in `development`."""
    layer, wheel = parts

    def make(name: str, logical: str = "orders.development", **values: object) -> Release:
        component, environment = logical.split(".")
        options: dict[str, object] = {"command": ("orders", "--port", "$PORT"), "live": "/"} | values
        return Release(name, logical, "acme", component, environment, wheel, layer, **options)  # type: ignore[arg-type]

    return make

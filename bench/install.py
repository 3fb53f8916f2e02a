"""An install of its own for a measurement: fresh data folder, free ports, the real `towpath up`, nothing left behind."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

TOWPATH = Path(sys.executable).parent / "towpath"


@dataclass(frozen=True)
class Install:
    """A running install. `api` speaks as the developer, `edge` is the address of the edge, `started_s` its start-up."""

    home: Path
    api: httpx.Client
    edge: str
    started_s: float
    environment: dict[str, str]
    program: Path = TOWPATH

    def token(self, user: str) -> str:
        """A token that acts as a demo account."""
        argv = [self.program, "token", "create", "bench", "--as", f"user:default/{user}"]
        return subprocess.run(argv, env=self.environment, text=True, capture_output=True, check=True).stdout.strip()

    def client(self, user: str) -> httpx.Client:
        """An API client that acts as a demo account."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return httpx.Client(base_url=str(self.api.base_url), headers=headers, timeout=60)


def free_port(low: int, high: int) -> int:
    """A loopback port outside the ephemeral range that nobody listens on."""
    while True:
        port = random.randrange(low, high)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def _ports(home: Path) -> tuple[int, int, int]:
    """Portal, edge and first service port: those of an earlier start on the same home, else free ones."""
    kept = home.parent / "ports.txt"
    if kept.exists():
        portal, edge, first = (int(word) for word in kept.read_text().split())
        return portal, edge, first
    chosen = free_port(7200, 7900), free_port(8200, 8900), free_port(20000, 27000)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(" ".join(str(port) for port in chosen))
    return chosen


def environment_of(home: Path) -> dict[str, str]:
    """The environment of commands that work on an install: its folder, and ports that stay the same."""
    port, edge, base = _ports(home)
    chosen = {"HOME": str(home), "PORT": str(port), "EDGE_PORT": str(edge), "PORT_BASE": str(base)}
    return {**os.environ, **{f"TOWPATH_{name}": value for name, value in chosen.items()}}


def give_layers(layers: Path, home: Path) -> None:
    """Let an install begin with dependency layers that an earlier one built."""
    place = home / "layers"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    home.chmod(0o700)
    for one in layers.glob("[!.]*"):
        shutil.copytree(one, place / one.name, symlinks=True, dirs_exist_ok=True)


def keep_layers(home: Path, layers: Path) -> None:
    """Keep the layers of an install for later ones; whoever comes second finds them there."""
    for one in (home / "layers").glob("[!.]*"):
        if one.is_dir() and not (layers / one.name).exists():
            beside = Path(tempfile.mkdtemp(dir=layers, prefix="."))
            shutil.copytree(one, beside / one.name, symlinks=True)
            with contextlib.suppress(OSError):  # somebody else was quicker
                (beside / one.name).rename(layers / one.name)
            shutil.rmtree(beside)


@contextmanager
def fresh(
    home: Path | None = None, *, keep: str = "", program: Path = TOWPATH, layers: Path | None = None, **settings: str
) -> Iterator[Install]:
    """Start an install, hand it over, and end everything of it. Raises RuntimeError when something stays alive.

    `program` is the `towpath` of the virtual environment that runs it. With `keep` services and engines go on, for a second
    start on the same `home`, and a dead portal is no error. With `layers`, a folder, dependencies that an earlier install
    built need not be built again.
    """
    with tempfile.TemporaryDirectory(prefix="towpath-road-") as folder:
        place = home or Path(folder) / "home"
        environment = environment_of(place) | settings
        port, edge = environment["TOWPATH_PORT"], environment["TOWPATH_EDGE_PORT"]
        log = Path(folder) / "portal.log"
        if layers:
            give_layers(layers, place)
        began = time.monotonic()
        with log.open("w") as sink:
            portal = subprocess.Popen(
                [program, "up"], env=environment, stdout=sink, stderr=sink, start_new_session=True
            )
        try:
            base = f"http://127.0.0.1:{port}"
            _await(base, portal, log)
            started = time.monotonic() - began
            plain = Install(
                place, httpx.Client(base_url=base), f"http://127.0.0.1:{edge}", started, environment, program
            )
            with plain.api, plain.client("developer") as developer:
                yield Install(place, developer, plain.edge, started, environment, program)
        finally:
            if layers:
                keep_layers(place, layers)
            words = ["down"] if keep else ["down", "--services"]
            subprocess.run([program, *words], env=environment, capture_output=True, check=False, timeout=60)
            if portal.poll() is None:
                portal.send_signal(signal.SIGKILL)
            portal.wait()
        if not keep and (left := alive(place)):
            raise RuntimeError(f"still alive: {left}")


def _await(base: str, portal: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{base}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if portal.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the portal did not start:\n{log.read_text()[-4000:]}")


def processes(home: Path) -> list[psutil.Process]:
    """Processes of an install: those that name its folder or were given it."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = str(home) in " ".join(process.cmdline()) or process.environ().get("TOWPATH_HOME") == str(home)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if mine and process.pid != os.getpid():
            found.append(process)
    return found


def alive(home: Path) -> list[str]:
    """Processes of an install that still run, by command line."""
    found = []
    for process in processes(home):
        try:
            found.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
        except psutil.NoSuchProcess:
            continue
    return found

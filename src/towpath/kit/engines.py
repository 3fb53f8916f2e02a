"""A record per running engine: `up` adopts a process only when it is provably the one that was started here.

A pid alone may belong to somebody else by now; pid, start time and data folder together do not.
"""

import contextlib
import hashlib
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from towpath.kit import files
from towpath.kit.errors import Unavailable
from towpath.kit.settings import current

_children: dict[int, subprocess.Popen[bytes]] = {}
MARK = "TOWPATH_ENGINE"
"""The variable by which an engine is found whose starter was killed before it could write its record."""


@dataclass(frozen=True)
class Record:
    """A running engine. `started` is its start in clock ticks after boot, `folder` identifies the data folder it serves."""

    name: str
    pid: int
    started: int
    folder: str
    port: int | None = None


def start_time(pid: int) -> int | None:
    """Start of a process in clock ticks after boot; None when it is gone or only waits to be reaped."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        _children.pop(pid, None)
        return None
    try:
        # The name in parentheses may hold spaces and parentheses itself: fields count from the last one.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def alive(pid: int, started: int) -> bool:
    """Whether that very process still runs."""
    return start_time(pid) == started


def folder_id() -> str:
    """Identity of the data folder: a copy of it must not adopt the engines of the original."""
    status = current().data.stat()
    return f"{status.st_dev}:{status.st_ino}"


def record(name: str, pid: int, port: int | None = None) -> Record:
    """Write down that engine `name` runs as `pid`; raises Unavailable when it already ended."""
    started = start_time(pid)
    if started is None:
        raise Unavailable(f"{name} ended at once", hint=f"read its log in {current().folder('logs')}")
    made = Record(name, pid, started, folder_id(), port)
    files.write_json(_path(name), asdict(made))
    return made


def adopt(name: str) -> Record | None:
    """The engine's record when that very process still runs for this data folder.

    A stale record stays: whoever asks must not remove the one that a start writes at this moment.
    """
    try:
        found = Record(**json.loads(_path(name).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if found.folder == folder_id() and alive(found.pid, found.started) else None


def running() -> list[str]:
    """Names of the engines of this data folder that run now."""
    names = sorted(path.stem for path in current().folder("engines").glob("*.json"))
    return [name for name in names if adopt(name) is not None]


def still_running() -> str:
    """A sentence for the operator: which engines still run, and how to end them."""
    left = running()
    if not left:
        return "Nothing of this install runs any more."
    return f"Still running: {', '.join(left)}, with your services. End them with 'towpath down --services'."


def end(found: Record, wait_s: float = 10.0, ask: signal.Signals = signal.SIGTERM) -> None:
    """End the engine with all it started: ask, wait, SIGKILL. Touches nothing when the pid is another process now."""
    end_process(found.pid, found.started, wait_s, ask)
    _path(found.name).unlink(missing_ok=True)


def end_process(pid: int, started: int, wait_s: float = 10.0, ask: signal.Signals = signal.SIGTERM) -> None:
    """End one recorded process and its descendants; returns when none of them is left."""
    if not alive(pid, started):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        process.send_signal(ask)
        left = _wait(family[:1], wait_s)
        # A child that detached from its parent's end is told too, then killed.
        for each in family[1:]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.terminate()
        left += _wait(family[1:], min(wait_s, 2.0))
        for each in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        _wait(left, 5.0)
    if pid in _children:
        _children.pop(pid).wait(timeout=5)


def _wait(processes: list[psutil.Process], wait_s: float) -> list[psutil.Process]:
    until = time.monotonic() + wait_s
    left = list(processes)
    while True:
        left = [each for each in left if each.is_running() and start_time(each.pid) is not None]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.01)


def spawn(
    name: str, command: Sequence[str], *, port: int | None = None, env: Mapping[str, str] | None = None
) -> Record:
    """Start an engine in a session of its own, so that it outlives this process; output goes to `logs/<name>.log`."""
    with (current().folder("logs") / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**(env or {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}), MARK: _mark(name)},
            cwd="/",
            start_new_session=True,
        )
    _children[child.pid] = child
    return record(name, child.pid, port)


def end_strays(name: str) -> None:
    """End engines of this name and data folder that have no record; call it only where `adopt` finds none."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            # What an engine started has the mark too; the engine itself leads its session.
            marked = process.environ().get(MARK) == _mark(name) and os.getsid(process.pid) == process.pid
            if marked and (started := start_time(process.pid)) is not None:
                end_process(process.pid, started, ask=signal.SIGINT)


def _mark(name: str) -> str:
    return f"{name}:{folder_id()}"


def wait_until(answers: Callable[[], bool], found: Record, timeout_s: float) -> None:
    """Return once `answers()` is true; raises Unavailable with the end of the log when the engine ends or stays silent."""
    until = time.monotonic() + timeout_s
    while not answers():
        if not alive(found.pid, found.started) or time.monotonic() > until:
            log = current().folder("logs") / f"{found.name}.log"
            last = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
            end(found)
            raise Unavailable(f"{found.name} did not start: {' / '.join(last)}", hint=f"read {log}")
        time.sleep(0.01)


def run_folder() -> Path:
    """A short folder for Unix sockets, one per data folder; socket paths may have 107 bytes at most.

    Others may pass through it (0711) but see nothing; what lies in it is closed by itself. Raises Unavailable when
    somebody else made it first.
    """
    name = hashlib.sha256(str(current().data).encode()).hexdigest()[:10]
    folder = Path("/tmp") / f"towpath-{os.getuid()}-{name}"  # noqa: S108 (owner and mode are checked below)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o711)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise Unavailable(f"{folder} belongs to somebody else", hint="remove it and run 'towpath up' again")
    folder.chmod(0o711)
    return folder


def _path(name: str) -> Path:
    return current().folder("engines") / f"{name}.json"

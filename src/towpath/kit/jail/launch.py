"""Starting cells: the argument list for a supervisor, a child process, or one command with time and output limits."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import psutil

from towpath.kit import db, ids, settings
from towpath.kit.jail import bare
from towpath.kit.jail.cell import ETC, SYSTEM, Cell, prepare
from towpath.kit.jail.host import INSIDE, probe

MARK = "JAIL_MARK"
"""Variable that all processes of one command inherit."""
WORK = "JAIL_WORK"
"""Variable that all processes of one work folder inherit, the same when the portal starts anew."""
LEFT_S = 5.0
PATH = "/towpath/bin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Finished:
    """How a command ended. `timed_out` and `truncated` say that a limit cut it."""

    code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    truncated: bool = False


def command(cell: Cell, argv: Sequence[str], *, spec_path: Path | None = None, alone: bool = False) -> list[str]:
    """The full argument list of a cell. A given `spec_path` is kept for restarts, else the launcher removes its file.

    `alone` gives the command a pid namespace also where it could do without: all of it ends with its first process.
    Neither argument list nor a kept spec may hold a secret: those go through `seal` and `Cell.sealed`.
    """
    db.refuse_transaction()
    prepare(cell)
    host = probe()
    binds = [[str(bind.source), bind.target, bind.writable] for bind in cell.binds]
    if cell.work is not None:
        binds.append([str(cell.work), "/work", True])
    base = Path(sys.base_prefix)
    if not str(base).startswith("/usr"):
        binds.insert(0, [str(base), str(base), False])
    sealed = [f"/towpath/sealed/{number}.json" for number in range(len(cell.sealed))]
    binds += [[str(path), inside, False] for path, inside in zip(cell.sealed, sealed, strict=True)]
    cwd = cell.cwd if cell.work or cell.cwd != "/work" else "/"
    environment = {"PATH": PATH, "HOME": "/tmp", "LANG": "C.UTF-8", "TMPDIR": "/tmp", **cell.environment}  # noqa: S108
    environment |= _of_work(cell.work)
    if host.kind == "none":
        inside, sealed, cwd = sealed, [str(path) for path in cell.sealed], str(cell.work or "/")
        argv, environment = bare.as_host(cell, argv, environment, dict(zip(inside, sealed, strict=True)))
    spec = {
        "kind": host.kind, "uid": cell.uid, "root": str(settings.current().folder("jail")), "system": SYSTEM, "etc": ETC,
        "binds": binds, "network": cell.network, "cwd": cwd, "sealed": sealed, "once": spec_path is None,
        "alone": alone,
        "environment": environment, "limits": _limits(cell),
    }  # fmt: skip
    return [sys.executable, "-I", "-S", str(INSIDE), str(_write(spec, spec_path)), *argv]


def _limits(cell: Cell) -> dict[str, int]:
    mega = 1024 * 1024
    values = {
        "memory": cell.memory_mb and cell.memory_mb * mega, "cpu": cell.cpu_seconds,
        "file": cell.file_mb and cell.file_mb * mega, "processes": cell.processes if os.getuid() == 0 else None,
    }  # fmt: skip
    return {key: value for key, value in values.items() if value}


def _write(spec: Mapping[str, Any], path: Path | None) -> Path:
    if path is not None:
        beside = path.with_name(f".{path.name}.new")
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(spec))
        return beside.replace(path)
    descriptor, name = tempfile.mkstemp(".json", "cell-", settings.current().folder("jail-specs"))
    with os.fdopen(descriptor, "w") as handle:
        json.dump(spec, handle)
    return Path(name)


def popen(cell: Cell, argv: Sequence[str], *, alone: bool = False, **options: Any) -> subprocess.Popen[bytes]:
    """Start a cell as a child in a session of its own; `options` are subprocess.Popen's (stdin, stdout, stderr)."""
    env = _of_work(cell.work)
    return subprocess.Popen(
        command(cell, argv, alone=alone), env=env, start_new_session=True, close_fds=True, **options
    )


def run(
    cell: Cell,
    argv: Sequence[str],
    *,
    timeout_s: float,
    output_limit: int = 10_000_000,
    on_line: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    ask: signal.Signals = signal.SIGTERM,
) -> Finished:
    """Run a command to its end, its time limit or its cancelling; then its whole tree is gone.

    Output over `output_limit` bytes is read and thrown away. `on_line` gets each line of stdout as it comes; what it
    raises first is raised at the end, and it gets no line more. A cancelled or late command is asked by `ask`, and killed
    3 s later.
    """
    mark = ids.uuid7()
    cell = replace(cell, environment={**cell.environment, MARK: mark})
    child = popen(cell, argv, alone=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    readers = [_Reader(child.stdout, output_limit, on_line), _Reader(child.stderr, output_limit, None)]
    try:
        timed_out = _wait(child, timeout_s, cancelled, ask)
    finally:  # also when `cancelled` could not be asked: nothing of the command may outlive this call
        _signal(child, signal.SIGKILL)  # what the program left behind in its group
        _end_marked(MARK, mark)
        child.wait()
        for reader in readers:
            reader.thread.join(5)
    out, err = readers
    if out.error is not None:
        raise out.error
    return Finished(child.returncode, bytes(out.kept), bytes(err.kept), timed_out, out.truncated or err.truncated)


def _wait(child: subprocess.Popen[bytes], timeout_s: float, cancelled: Callable[[], bool], ask: signal.Signals) -> bool:
    """Return when the program has ended, by itself or because it was late or cancelled; whether it was late."""
    deadline, timed_out, asked = time.monotonic() + timeout_s, False, 0.0
    while child.poll() is None:
        late = time.monotonic() > deadline
        if not asked and (late or cancelled()):
            timed_out, asked = late, time.monotonic()
            child.send_signal(ask)  # to the leader, who passes it on: a group would hear it twice
        if asked and time.monotonic() - asked > 3:
            _signal(child, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.05 if asked else 0.2)
    return timed_out


def end_left(work: Path) -> None:
    """Kill what an earlier process of ours, killed, left running in a work folder; returns when it is gone, or after 5 s.

    For before a step is repeated: whatever runs there is ended, so nobody else may be at work in the folder.
    """
    until, values = time.monotonic() + LEFT_S, _of_work(work)
    while _end_marked(WORK, values[WORK]) and time.monotonic() < until:
        time.sleep(0.02)


def end_shown(paths: Iterable[Path]) -> None:
    """Kill what still runs in cells that were shown one of these host paths at that very path.

    Also what went into a session of its own and forgot its environment: nobody gets rid of what is mounted.
    """
    wanted = {str(path).replace(" ", "\\040") for path in paths}
    for process in psutil.process_iter() if wanted else ():
        with contextlib.suppress(psutil.Error, OSError):
            lines = Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines()
            if not wanted.isdisjoint(line.split(" ", 5)[4] for line in lines):
                process.kill()


def _of_work(work: Path | None) -> dict[str, str]:
    return {} if work is None else {WORK: hashlib.sha256(os.fsencode(work.resolve())).hexdigest()[:24]}


def _end_marked(name: str, mark: str) -> int:
    """Kill what carries the mark, also in a session of its own, as the steps of a workflow are. Returns how many did."""
    found = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(name) == mark:
                found += 1
                process.kill()
    return found


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


class _Reader:
    """Reads a pipe to its end, keeps what the limit allows, and the first error of `on_line`."""

    def __init__(self, pipe: IO[bytes] | None, limit: int, on_line: Callable[[str], None] | None) -> None:
        self.kept, self.truncated = bytearray(), False
        self.error: Exception | None = None
        self._pipe, self._limit, self._on_line = pipe, limit, on_line
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        if self._pipe is None:
            return
        with self._pipe as pipe:
            while line := pipe.readline(65_536):
                if len(self.kept) < self._limit:
                    self.kept += line
                else:
                    self.truncated = True
                if self._on_line is not None and self.error is None:
                    self._tell(self._on_line, line)

    def _tell(self, on_line: Callable[[str], None], line: bytes) -> None:
        try:
            on_line(line.decode(errors="replace").rstrip("\n"))
        except Exception as error:
            self.error = error  # reading goes on: a pipe that nobody reads would end the program

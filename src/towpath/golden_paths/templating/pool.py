"""A small pool of template children: started when first needed, replaced after death, ended by a time or memory limit."""

import queue
import select
import struct
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import py_mini_racer

from towpath.kit import jail, settings
from towpath.kit.errors import Invalid, Problem, Unavailable

HERE = Path(__file__).parent
SCRIPTS = ("nunjitsu.js", "engine.js")
START_S = 15.0
V8_RESERVES_MB = 1500  # address space that V8 sets aside for code at its start, and never fills


def absent() -> list[str]:
    """Names of the parts of the template engine that are not installed."""
    library = Path(py_mini_racer.__file__).parent
    scripts = [name for name in ("child.py", *SCRIPTS) if not (HERE / name).is_file()]
    engine = any(one.suffix in (".so", ".dylib", ".dll") for one in library.iterdir())
    return scripts if engine else ["V8 (mini-racer)", *scripts]


class Pool:
    """`size` children at most; a call takes one, or waits for one."""

    def __init__(self, size: int = 2) -> None:
        self._free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)
        self._closed = False

    def render_values(self, template: Any, context: Mapping[str, Any]) -> Any:
        """A JSON value with every string rendered: a sole expression keeps its native type, an undefined one drops its key.

        Raises Invalid with line and column of the broken expression.
        """
        return self._call({"op": "values", "template": template, "context": dict(context)})["value"]

    def render_files(
        self, names: Mapping[str, str], texts: Mapping[str, str], options: Mapping[str, Any]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Names and texts by their keys, all in one call; `options` has values, cookiecutter, trim_blocks, lstrip_blocks."""
        job = {"op": "files", "values": {}, **options, "names": dict(names), "texts": dict(texts)}
        done = self._call(job)
        return done["names"], done["texts"]

    def warm(self) -> None:
        """Boot one child, so that the first template finds it."""
        self._call({"op": "values", "template": "", "context": {}})

    def close(self) -> None:
        """End all children."""
        self._closed = True
        while not self._free.empty():
            if child := self._free.get():
                child.end()

    def _call(self, job: Mapping[str, Any]) -> dict[str, Any]:
        child = self._free.get()
        try:
            if child is not None and not child.alive():
                child.end()
                child = None
            child = child or _Child()
            reply = child.ask(orjson.dumps(job), settings.current().template_timeout_s)
        except BaseException:
            if child is not None:
                child.end()
            child = None
            raise
        finally:
            if self._closed and child is not None:
                child.end()
                child = None
            self._free.put(child)
        if "error" in reply:
            raise _refused(reply["error"])
        result: dict[str, Any] = reply["result"]
        return result


def _refused(error: Mapping[str, Any]) -> Invalid:
    problem = Problem(
        str(error["message"]), file=error.get("file") or None, line=error.get("line"), column=error.get("column"),
        hint="mend the expression in the template",
    )  # fmt: skip
    if error.get("limit"):
        return Invalid(
            "the template takes too much", hint=f"it passed the limit '{error['limit']}'", problems=[problem]
        )
    return Invalid("the template cannot be rendered", problems=[problem])


class _Child:
    """One process with one V8."""

    def __init__(self) -> None:
        library = Path(py_mini_racer.__file__).parent.parent
        config = settings.current()
        binds = [jail.Bind(library / "py_mini_racer", "/towpath/lib/py_mini_racer")]
        binds += [jail.Bind(HERE / name, f"/towpath/engine/{name}") for name in ("child.py", *SCRIPTS)]
        cell = jail.Cell(
            "template",
            "platform",
            binds=tuple(binds),
            network=False,
            memory_mb=config.template_memory_mb + V8_RESERVES_MB,
            cwd="/",
        )
        inside = jail.probe().kind != "none"
        lib, engine = ("/towpath/lib", "/towpath/engine") if inside else (str(library), str(HERE))
        python = str(jail.interpreter())
        limit = str(config.template_memory_mb)
        argv = [python, "-I", "-S", f"{engine}/child.py", lib, limit, *(f"{engine}/{name}" for name in SCRIPTS)]
        self._process = jail.popen(
            cell, argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._boot()

    def _boot(self) -> None:
        """Wait for the first answer: what a template takes later is then the template's own; raises Unavailable."""
        try:
            self._exchange(orjson.dumps({"op": "values", "template": "", "context": {}}), START_S)
        except (TimeoutError, EOFError) as error:
            self.end()
            raise Unavailable("the template engine did not start", hint="run 'towpath doctor'") from error

    def alive(self) -> bool:
        """Whether it can take a job."""
        return self._process.poll() is None

    def ask(self, job: bytes, timeout_s: float) -> dict[str, Any]:
        """One job; raises Invalid when it takes too long or too much."""
        try:
            return self._exchange(job, timeout_s)
        except TimeoutError as error:
            raise Invalid(
                f"rendering took longer than {timeout_s:.0f} s", hint="the template loops or makes too much; mend it"
            ) from error
        except EOFError as error:
            limit = settings.current().template_memory_mb
            raise Invalid(f"rendering took more than {limit} MB of memory", hint="mend the template") from error

    def _exchange(self, job: bytes, timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        writer = threading.Thread(target=self._write, args=(struct.pack(">I", len(job)) + job,), daemon=True)
        writer.start()
        size = struct.unpack(">I", self._read(4, deadline))[0]
        reply: dict[str, Any] = orjson.loads(self._read(size, deadline))
        return reply

    def _write(self, data: bytes) -> None:
        pipe = self._process.stdin
        try:
            while pipe is not None and data:
                data = data[pipe.write(data) or 0 :]
        except (BrokenPipeError, ValueError, OSError):
            return  # the reader tells what happened

    def _read(self, size: int, deadline: float) -> bytes:
        pipe, data = self._process.stdout, b""
        if pipe is None:
            raise EOFError
        ready = select.poll()  # not select(): a portal of many streams has files beyond its 1,024
        ready.register(pipe, select.POLLIN | select.POLLHUP)
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not ready.poll(left * 1000):
                raise TimeoutError
            part = pipe.read(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def end(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

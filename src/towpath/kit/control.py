"""The operator's private socket: the command line asks the running portal, since only the portal opens the databases.

One JSON line in; out come lines of progress, then one with the result or the error. The socket is 0600 in a 0700 folder,
and the peer's uid must be the portal's or root's.
"""

import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from towpath.kit import engines
from towpath.kit.errors import Forbidden, Problem, TowpathError, Unavailable

log = logging.getLogger(__name__)
LIMIT = 4_000_000
AGAIN_S = 0.5
Command = Callable[[Mapping[str, Any]], Any]
Say = Callable[[str], object]


def portal_socket() -> Path:
    """Where the portal of this data folder listens to its operator."""
    return engines.run_folder() / "portal.sock"


def finished(made: Any, say: Say) -> Any:
    """The result of a command: what it returned, or what its generator returns after all its progress was said."""
    if not isinstance(made, Generator):
        return made
    while True:
        try:
            say(next(made))
        except StopIteration as end:
            return end.value


class ControlServer:
    """Answers commands on a thread each; `commands` maps a name to a function of its arguments.

    A command that takes long is a generator: it yields its progress as text and returns its result.
    """

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self.path, self.commands = path, commands
        path.unlink(missing_ok=True)
        self._closed = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(8)
        threading.Thread(target=self._loop, name="control", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._closed.set()
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _loop(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError as error:  # closed, or out of files for a moment: `towpath down` must find somebody later
                if not self._closed.wait(AGAIN_S):
                    log.warning("the operator's socket could not be answered: %s", error)
                continue
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            try:
                self._check(connection)
                request = json.loads(stream.readline(LIMIT))

                def say(text: str) -> None:
                    stream.write(json.dumps({"progress": text}).encode() + b"\n")
                    stream.flush()

                made = self.commands[request["command"]](request.get("arguments", {}))
                reply = {"result": finished(made, say)}
            except TowpathError as error:
                reply = {
                    "error": error.message, "hint": error.hint, "exit_code": error.exit_code,
                    "problems": [one.as_dict() for one in error.problems],
                }  # fmt: skip
            except Exception as error:  # the operator hears of every fault; the portal goes on
                log.exception("a command of the operator failed")
                reply = {
                    "error": f"{type(error).__name__}: {error}",
                    "hint": "the portal's log has more",
                    "exit_code": 1,
                }
            stream.write(json.dumps(reply).encode() + b"\n")

    def _check(self, connection: socket.socket) -> None:
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        if uid not in (os.getuid(), 0):
            raise Forbidden("this socket belongs to another user")


class RefusedError(TowpathError):
    """What the portal refused, as it said it."""


class LostError(TowpathError):
    """The portal ended before it answered: whether it did what was asked is not known, so nobody does it again."""


def call(path: Path, command: str, /, *, say: Say = lambda text: None, **arguments: Any) -> Any:
    """Ask the running portal; `say` hears the progress.

    Raises Unavailable when none runs, LostError when it ends before its answer, RefusedError with the portal's own words.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError as error:
            raise Unavailable("no portal runs on this data folder", hint="start it with 'towpath up'") from error
        reply = _converse(connection, {"command": command, "arguments": arguments}, say)
    if "error" in reply:
        problems = [Problem(**{"message": "", **one}) for one in reply.get("problems", [])]
        refused = RefusedError(reply["error"], hint=reply["hint"], problems=problems)
        refused.exit_code = reply["exit_code"]
        raise refused
    return reply.get("result")


def _converse(connection: socket.socket, request: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Send a request, say all progress, and give the last reply."""
    try:
        with connection.makefile("rwb") as stream:
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            while line := stream.readline(LIMIT):
                reply: dict[str, Any] = json.loads(line)
                if "progress" not in reply:
                    return reply
                say(reply["progress"])
    except (ConnectionError, ValueError) as error:
        log.debug("the portal's words ended: %s", error)
    raise LostError("the portal ended before it answered", hint="look whether it was done, then repeat it")

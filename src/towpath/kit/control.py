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


def call(path: Path, command: str, /, *, say: Say = lambda text: None, **arguments: Any) -> Any:
    """Ask the running portal; `say` hears the progress. Raises Unavailable when none runs or it ends before its answer,
    RefusedError as it said it."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            with connection.makefile("rwb") as stream:
                stream.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
                stream.flush()
                reply = json.loads(stream.readline(LIMIT) or b"null")
                while reply and "progress" in reply:
                    say(reply["progress"])
                    reply = json.loads(stream.readline(LIMIT) or b"null")
    except (OSError, ValueError) as error:
        raise Unavailable("no portal runs on this data folder", hint="start it with 'towpath up'") from error
    if reply is None:
        raise Unavailable("the portal ended before it answered", hint="look whether it was done, then repeat it")
    if "error" in reply:
        problems = [Problem(**{"message": "", **one}) for one in reply.get("problems", [])]
        refused = RefusedError(reply["error"], hint=reply["hint"], problems=problems)
        refused.exit_code = reply["exit_code"]
        raise refused
    return reply.get("result")

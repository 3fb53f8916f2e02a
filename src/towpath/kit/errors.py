"""The family of errors. Doors translate each once; services raise them and nothing else.

TowpathError
├── NotFound      what was named is not there, or the reader may not know that it is      404
├── Conflict      it is there already, or changed meanwhile                                409
├── Invalid       what was given cannot be accepted; `problems` names every place          400
├── Forbidden     the actor may not do this                                                403
│   └── Unauthenticated   nobody is signed in                                              401
└── Unavailable   an engine or a partner does not answer; try again or ask the doctor      503
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong at one place. `line` and `column` count from 1; `path` is the dotted field."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str = ""
    expected: str = ""
    found: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: " if place else ""
        text += f"{self.path}: " if self.path else ""
        text += self.message or f"expected {self.expected}; found {self.found}"
        return f"{text} ({self.hint})" if self.hint else text

    def as_dict(self) -> dict[str, object]:
        """The JSON shape of one entry of `errors` in an RFC 9457 problem; absent values are left out."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


class TowpathError(Exception):
    """Base of all errors that a user may see: `message` says what happened, `hint` what to do."""

    status = 500
    exit_code = 1
    title = "Something went wrong"
    otherwise = "try again; if it stays, tell who runs the platform"
    """The hint of an error that has none of its own and names no problem."""

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)

    def __str__(self) -> str:
        lines = [self.message, *(f"  {problem}" for problem in self.problems)]
        return "\n".join(lines) + (f"\n{self.hint}" if self.hint else "")


class NotFound(TowpathError):
    """What was named does not exist for this actor."""

    status, exit_code, title = 404, 4, "Not found"
    otherwise = "look it up in its list: it may have been removed or renamed"


class Conflict(TowpathError):
    """Another thing has that name, or the thing changed since it was read."""

    status, exit_code, title = 409, 5, "Conflict"
    otherwise = "look at its state first"


class Invalid(TowpathError):
    """The input cannot be accepted; all problems are given at once."""

    status, exit_code, title = 400, 2, "Invalid input"
    otherwise = "see /api/v1/openapi.json for what is expected"


class Forbidden(TowpathError):
    """The actor lacks a permission."""

    status, exit_code, title = 403, 3, "Not allowed"
    otherwise = "ask its owner, or an administrator of the organisation"


class Unauthenticated(Forbidden):
    """Nobody is signed in, or the session or token ended."""

    status, title = 401, "Sign in first"


class Unavailable(TowpathError):
    """A part that is needed does not answer."""

    status, exit_code, title = 503, 6, "Unavailable"

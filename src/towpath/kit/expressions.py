"""Conditions people write in documents: CEL, compiled once, evaluated on plain JSON values. The only importer of `cel`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cel

from towpath.kit.errors import Invalid, Problem

_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_LONGEST = 2_000  # characters; the parser recurses, and nobody reads a longer condition


@dataclass(frozen=True)
class Place:
    """Where an expression stands in its document, so that errors point there. Line and column count from 1."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str = ""


NOWHERE = Place()


@dataclass(frozen=True)
class Expression:
    """A compiled condition; immutable and safe to share between threads."""

    text: str
    place: Place = NOWHERE
    _program: Any = field(default=None, repr=False, compare=False)

    def evaluate(self, context: Mapping[str, Any]) -> Any:
        """The value for the variables in `context` (plain JSON values); raises Invalid with the place when it has none."""
        try:
            return self._program.execute(dict(context))
        except KeyError as error:
            message = f"{error.args[0] if error.args else error} is not there"
            raise _invalid(
                self.text, self.place, message, hint="ask 'has(...)' before reading an optional key"
            ) from error
        except Exception as error:
            raise _invalid(self.text, self.place, str(error).split(". ")[0]) from error

    def holds(self, context: Mapping[str, Any]) -> bool:
        """The value as a condition; raises Invalid when it is not true or false: a number is never 'true enough'."""
        value = self.evaluate(context)
        if not isinstance(value, bool):
            raise _invalid(self.text, self.place, "", expected="true or false", found=repr(value))
        return value


@lru_cache(maxsize=1024)
def compile(text: str, place: Place = NOWHERE) -> Expression:
    """Parse one CEL expression; raises Invalid naming line and column within the document that `place` describes."""
    if not text.strip() or len(text) > _LONGEST:
        found = f"{len(text)} characters"
        raise _invalid(text[:80], place, "", expected=f"an expression of 1 to {_LONGEST} characters", found=found)
    try:
        return Expression(text, place, cel.compile(text))
    except Exception as error:
        known = _PLACE.search(str(error))
        line, column, message = (int(known[1]), int(known[2]), known[3]) if known else (1, 1, str(error))
        raise _invalid(text, _within(place, line, column), message) from error


def _within(place: Place, line: int, column: int) -> Place:
    """The place of a character of the expression, counted from the place where the expression begins."""
    first = place.column or 1
    return Place(place.file, (place.line or 1) + line - 1, column + first - 1 if line == 1 else column, place.path)


def _invalid(text: str, place: Place, message: str, *, hint: str = "", expected: str = "", found: str = "") -> Invalid:
    problem = Problem(message, place.file, place.line, place.column, place.path, expected, found, hint)
    return Invalid(f"the condition '{text}' cannot be used", problems=[problem])

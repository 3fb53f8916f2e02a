"""Pydantic's errors as problems: field, expectation, finding, and the place in the file."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from towpath.kit.errors import Problem
from towpath.kit.marks import Marks, Path, format_path

EXPECTED = {
    "missing": "a value",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
    "extra_forbidden": "no field of this name here",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_short": "at least {min_length} character(s)",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} item(s)",
    "too_long": "at most {max_length} items",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "expected": "{expected}",
}


def problems_of(error: ValidationError, marks: Marks | None, file: str | None, at: Path = ()) -> list[Problem]:
    """Every error of pydantic as field, expectation, finding and place; `at` is where the validated value stands.

    A validator says its expectation by `PydanticCustomError("expected", "{expected}", {"expected": "…", "hint": "…"})`.
    """
    return list(dict.fromkeys(_problem(one, marks, file, at) for one in error.errors(include_url=False)))


def _problem(one: Any, marks: Marks | None, file: str | None, at: Path) -> Problem:
    kind, context = one["type"], {name: str(value) for name, value in one.get("ctx", {}).items()}
    path = [*at, *_real(one["loc"], marks, at, kind)]
    expected = EXPECTED.get(kind, "").format_map(context)
    if not expected:
        expected = context.get("error") or str(one["msg"])[:1].lower() + str(one["msg"])[1:]
    found = "nothing" if kind == "missing" else f"'{path[-1]}'" if kind == "extra_forbidden" else show(one["input"])
    line, column = marks.at(path, key=kind == "extra_forbidden") if marks else (None, None)
    return Problem("", file, line, column, format_path(path), expected, found, context.get("hint", ""))


def _real(loc: Iterable[Any], marks: Marks | None, at: Path, kind: str) -> list[str | int]:
    """The parts of pydantic's location that are fields: members of unions put their own names between them."""
    if marks is None:
        return list(loc)
    parts = list(loc)
    mark, rest = marks.reach(at)
    real: list[str | int] = []
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if not rest and part in mark.inside:
            mark = mark.inside[part]
        elif not (last and kind == "missing"):
            continue
        real.append(part)
    return real


def show(value: Any) -> str:
    """A value as messages show it: `'text'`, `3`, `true`, `a list`, `a mapping`, `nothing`; at most 60 characters."""
    if value is None or value == "":
        return "nothing" if value is None else "empty text"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 60 else f"'{value[:57]}…'"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else str(value)

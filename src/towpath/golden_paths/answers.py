"""Answers against the pages of a form, with every complaint in the shape the peer's clients read (npm `jsonschema`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from towpath.kit.errors import Problem
from towpath.kit.marks import format_path

_FORMATS = FormatChecker()


def check(pages: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All complaints about `values`; each page is a schema of its own, so the same complaint is given once."""
    found: dict[str, dict[str, Any]] = {}
    for page in pages:
        for error in Draft7Validator(page, format_checker=_FORMATS).iter_errors(values):
            for one in _unfold(error):
                found.setdefault(one["stack"], one)
    return sorted(found.values(), key=lambda one: one["property"])


def problems(errors: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """The same complaints as ours: the field as a dotted path, what was expected."""
    return [
        Problem(
            "is required" if one["name"] == "required" else one["message"],
            path=format_path([*one["path"], one["argument"]] if one["name"] == "required" else one["path"]),
            found="" if one["name"] == "required" else repr(one["instance"])[:80],
        )
        for one in errors
    ]


def _unfold(error: ValidationError) -> list[dict[str, Any]]:
    if error.validator == "required":
        wanted = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        missing = next((name for name in wanted if error.message.startswith(repr(name))), wanted[0])
        return [_shape(error, f'requires property "{missing}"', missing)]
    if error.validator in ("if", "allOf") and error.context:
        return [one for inner in error.context for one in _unfold(inner)]
    return [_shape(error, _message(error), error.validator_value)]


def _shape(error: ValidationError, message: str, argument: Any) -> dict[str, Any]:
    path = list(error.absolute_path)
    place = format_path(("instance", *path))
    return {
        "path": path,
        "property": place,
        "message": message,
        "schema": error.schema,
        "instance": error.instance,
        "name": error.validator,
        "argument": argument,
        "stack": f"{place} {message}",
    }


_MESSAGES = {
    "pattern": 'does not match pattern "{}"',
    "format": 'does not conform to the "{}" format',
    "minLength": "does not meet minimum length of {}",
    "maxLength": "does not meet maximum length of {}",
    "minItems": "does not meet minimum length of {}",
    "maxItems": "does not meet maximum length of {}",
    "minimum": "must be greater than or equal to {}",
    "maximum": "must be less than or equal to {}",
    "exclusiveMinimum": "must be strictly greater than {}",
    "exclusiveMaximum": "must be strictly less than {}",
    "multipleOf": "is not a multiple of (divisible by) {}",
    "const": "does not exactly match expected constant: {}",
    "uniqueItems": "contains duplicate item",
    "additionalProperties": "has a property that is not allowed",
    "oneOf": "is not exactly one of the choices",
    "anyOf": "is not any of the choices",
}


def _message(error: ValidationError) -> str:
    value = error.validator_value
    if error.validator == "type":
        return f"is not of a type(s) {','.join([value] if isinstance(value, str) else value)}"
    if error.validator == "enum":
        return f"is not one of enum values: {','.join(str(one) for one in value)}"
    return str(_MESSAGES.get(str(error.validator), error.message).replace("{}", str(value)))

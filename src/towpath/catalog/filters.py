"""Backstage's way to ask: `filter=kind=component,spec.type=service` over any field, `fields`, and order.

One `filter` is a comma list that adds up; a key repeated in it gives alternatives; several `filter`s are alternatives.
Keys and values compare in lower case; a bare key asks whether the field exists.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from towpath.kit.errors import Invalid

Statement = dict[str, list[str | None]]


def parse(filters: Sequence[str]) -> list[Statement]:
    """The alternatives that `filter` parameters give; none when there is no filter. Raises Invalid for an empty key."""
    alternatives: list[Statement] = []
    for text in filters:
        statement: Statement = {}
        for part in filter(None, (one.strip() for one in text.split(","))):
            key, equals, value = part.partition("=")
            if not key.strip():
                raise Invalid(f"the filter '{part}' names no field", hint="write it as 'kind=component'")
            statement.setdefault(key.strip().lower(), []).append(value.strip().lower() if equals else None)
        if statement:
            alternatives.append(statement)
    return alternatives


def matches(entity: Mapping[str, Any], alternatives: Sequence[Statement]) -> bool:
    """Whether an entity meets any alternative, or there is none."""
    if not alternatives:
        return True
    values: dict[str, set[str]] = {}
    for key, value in flat(entity):
        values.setdefault(key, set()).add(value.lower())
    return any(_meets(values, one) for one in alternatives)


def _meets(values: Mapping[str, set[str]], statement: Statement) -> bool:
    return all(
        key in values and any(value is None or value in values[key] for value in wanted)
        for key, wanted in statement.items()
    )


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted lower-case key, text) of every leaf; items of lists stand under the list's key and as `list.item = true`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}".lower() if path else str(key).lower())
        if path == "" and isinstance(value.get("relations"), list):
            yield from ((f"relations.{one['type']}".lower(), one["targetRef"]) for one in value["relations"])
    elif isinstance(value, list):
        for inner in value:
            yield from flat(inner, path)
            if isinstance(inner, str):
                yield f"{path}.{inner}".lower(), "true"
    elif value is not None:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def kinds_named(alternatives: Sequence[Statement]) -> list[str]:
    """The kinds that all alternatives are limited to; empty when one of them is open."""
    named = [[one for one in statement.get("kind", []) if one] for statement in alternatives]
    return [kind for kinds in named for kind in kinds] if named and all(named) else []


def pick(entity: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Only some dotted fields of an entity; a key that itself contains dots is found by its longest match."""
    if not fields:
        return dict(entity)
    picked: dict[str, Any] = {}
    for field in fields:
        if "[" in field:
            raise Invalid(f"'{field}' cannot be picked", hint="name whole fields, such as metadata.tags")
        _copy(entity, picked, field)
    return picked


def _copy(source: Mapping[str, Any], into: dict[str, Any], field: str) -> None:
    if field in source:
        into[field] = source[field]
        return
    heads = [key for key in source if field.startswith(f"{key}.") and isinstance(source[key], Mapping)]
    if heads:
        head = max(heads, key=len)
        inner = into.setdefault(head, {})
        _copy(source[head], inner, field[len(head) + 1 :])
        if not inner:
            del into[head]


def value_at(entity: Mapping[str, Any], field: str) -> str | None:
    """The first text a field holds, in lower case, for ordering."""
    return next((value.lower() for key, value in flat(entity) if key == field.lower()), None)


def ordered(entities: list[dict[str, Any]], orders: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Entities by several (field, asc or desc); those without a field come last either way."""
    for field, direction in reversed(orders):
        if direction not in ("asc", "desc"):
            raise Invalid(f"'{direction}' is not an order", hint="use asc or desc")
        valued = [(value_at(one, field), one) for one in entities]
        having = sorted(
            ((value, one) for value, one in valued if value is not None),
            key=lambda pair: pair[0], reverse=direction == "desc",
        )  # fmt: skip
        entities = [one for _, one in having] + [one for value, one in valued if value is None]
    return entities

"""`$text`, `$json`, `$yaml`, `$openapi`, `$asyncapi`: values that stand in another file of the same repository.

A text that cannot be read is a warning and the entity stands; a part that its fields depend on is a problem.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from towpath.catalog import urls
from towpath.kit import yaml
from towpath.kit.errors import Invalid, Problem
from towpath.sdk.types import SourceFile

WORDS = re.compile(r"\$(text|json|yaml|openapi|asyncapi)")
PARTS = ("json", "yaml")


def targets(value: Any, file: str) -> Iterator[str]:
    """URLs of the files that a document takes values from; those outside its repository are left out."""
    for _, _, target in _found(value, ()):
        try:
            yield urls.join(file, target)
        except Invalid:
            continue


def apply(
    document: yaml.Document, file: str, parts: Mapping[str, SourceFile]
) -> tuple[dict[str, Any], list[Problem], list[Problem]]:
    """The document with every substitution made from `parts` (by URL), then problems and warnings of the others."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    doc: dict[str, Any] = document.value
    for path, word, target in list(_found(doc, ())):
        try:
            doc = _put(doc, path, _value(word, target, file, parts))
        except Invalid as error:
            line, column = document.marks.at(path)
            expected = error.message.removeprefix("expected ")
            found = Problem("", file, line, column, yaml.format_path(path), expected, f"'{target}'", error.hint)
            (problems if word in PARTS else warnings).append(found)
            doc = _put(doc, path, None if word in PARTS else f"'{target}' could not be read: {expected}")
    return doc, problems, warnings


def _found(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, target),) = value.items()
            if (word := WORDS.fullmatch(key)) and isinstance(target, str):
                yield path, word[1], target
                return
        for key, inner in value.items():
            yield from _found(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _found(inner, (*path, number))


def _put(value: Any, path: Sequence[str | int], new: Any) -> Any:
    if not path:
        return new
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = _put(value[path[0]], path[1:], new)
    return copy


def _value(word: str, target: str, file: str, parts: Mapping[str, SourceFile]) -> Any:
    url = urls.join(file, target)
    if url not in parts:
        raise Invalid("expected a file of the same repository", hint="it could not be read")
    data = parts[url].data
    try:
        if word == "json":
            return orjson.loads(data)
        return yaml.load(data, url).value if word == "yaml" else data.decode()
    except Invalid as error:
        raise Invalid(f"expected a file with one YAML document ({error.problems[0]})") from error
    except ValueError as error:
        raise Invalid(f"expected a file of {'JSON' if word == 'json' else 'text in UTF-8'} ({error})") from error

"""Placeholders `${root.key…}` in texts: found, listed, and replaced. Pure.

`$$` is a literal `$`; `$${x}` is the literal `${x}`; a `$` before anything else stays, and so does an open `${`. Segments
split on `.`; `\\.` is a dot inside one.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from towpath.kit.errors import Invalid

_TOKEN = re.compile(r"\$\$|\$\{([^}]*)\}")
_SPLIT = re.compile(r"(?<!\\)\.")


@dataclass(frozen=True)
class Ref:
    """One placeholder: `text` as written between the braces, `path` its segments."""

    text: str
    path: tuple[str, ...]

    @property
    def root(self) -> str:
        """The first segment."""
        return self.path[0]


Token = str | Ref
Resolve = Callable[[Ref], Any]


def tokens(text: str) -> list[Token]:
    """The literal pieces and placeholders of a text, in order; literals have their escapes resolved."""
    found: list[Token] = []
    position = 0
    for match in _TOKEN.finditer(text):
        _literal(found, text[position : match.start()])
        if match[1] is None:
            _literal(found, "$")
        else:
            found.append(Ref(match[1], _segments(match[1])))
        position = match.end()
    _literal(found, text[position:])
    return found


def _literal(found: list[Token], text: str) -> None:
    if found and isinstance(found[-1], str):
        found[-1] += text
    elif text:
        found.append(text)


def _segments(text: str) -> tuple[str, ...]:
    return tuple(part.replace("\\.", ".") for part in _SPLIT.split(text))


def refs(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Ref]]:
    """Every placeholder in a JSON value with the path of the text that holds it."""
    if isinstance(value, str):
        yield from ((path, one) for one in tokens(value) if isinstance(one, Ref))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from refs(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from refs(item, (*path, index))


def substitute(text: str, resolve: Resolve) -> str:
    """A text with its placeholders replaced as Score does: what is not text becomes JSON."""
    return "".join(one if isinstance(one, str) else as_text(resolve(one)) for one in tokens(text))


def fill(value: Any, resolve: Resolve) -> Any:
    """A JSON value with the placeholders of all its texts replaced; a text that is one placeholder keeps the type."""
    if isinstance(value, str):
        found = tokens(value)
        if len(found) == 1 and isinstance(found[0], Ref):
            return resolve(found[0])
        return substitute(value, resolve)
    if isinstance(value, Mapping):
        return {key: fill(item, resolve) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, resolve) for item in value]
    return value


def fill_known(value: Any, roots: Mapping[str, Resolve]) -> Any:
    """Replace placeholders of some roots now and leave the others, escapes included, for later.

    What a root answers as text is inserted as written: its own placeholders are resolved later too.
    """
    if isinstance(value, str):
        return _fill_text(value, roots)
    if isinstance(value, Mapping):
        return {key: fill_known(item, roots) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill_known(item, roots) for item in value]
    return value


def _fill_text(text: str, roots: Mapping[str, Resolve]) -> Any:
    found = tokens(text)
    if not any(isinstance(one, Ref) and one.root in roots for one in found):
        return text
    if len(found) == 1 and isinstance(found[0], Ref):
        return roots[found[0].root](found[0])
    pieces = []
    for one in found:
        if isinstance(one, str):
            pieces.append(escape(one))
        else:
            pieces.append(as_text(roots[one.root](one)) if one.root in roots else f"${{{one.text}}}")
    return "".join(pieces)


def escape(text: str) -> str:
    """A literal written so that reading it back as a template gives it again."""
    return text.replace("$", "$$")


def escaped(value: Any) -> Any:
    """A JSON value whose texts are literals, not templates."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list | tuple) else value


def as_text(value: Any) -> str:
    """A value inside a text: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def lookup(values: Mapping[str, Any], keys: tuple[str, ...], ref: Ref) -> Any:
    """Follow keys through mappings; raises Invalid naming the key that is missing and those that are there."""
    here: Any = values
    for done, key in enumerate(keys):
        if not isinstance(here, Mapping) or key not in here:
            known = ", ".join(sorted(map(str, here))) if isinstance(here, Mapping) and here else "nothing"
            at = ".".join(ref.path[: len(ref.path) - len(keys) + done])
            raise Invalid(f"'${{{ref.text}}}' has no value: '{at}' has no '{key}'", hint=f"it has: {known}")
        here = here[key]
    return here

"""YAML 1.2 core with a line and column for every node: no `yes` booleans, no merge keys, duplicate keys are errors.

libyaml gives the events (25 times faster than pure Python); values, keys and limits are ours. What libyaml refuses is
tried once more with ruamel.yaml, which knows the places where 1.2 is wider. Keys are always text, as in JSON.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ruamel.yaml
import yaml as libyaml  # type: ignore[import-untyped]
from yaml.cyaml import CParser  # type: ignore[import-untyped]

from towpath.kit.errors import Invalid, Problem
from towpath.kit.marks import Mark, Marks, format_path
from towpath.kit.problems import problems_of, show

__all__ = ["Document", "Mark", "Marks", "dump", "format_path", "load", "load_all", "problems_of", "read_all", "show"]

MAX_BYTES = 8_000_000
MAX_DEPTH = 150
MAX_EXPANDED = 50_000  # nodes that aliases may add: a file of 1 kB must not become 1 GB
MAX_AGAIN = 64_000  # characters that pure Python, at 30 kB/s, may look at


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: plain JSON values, their places, and which one of the file it is (from 0)."""

    value: Any
    marks: Marks
    index: int


def load_all(text: str | bytes, file: str) -> list[Document]:
    """All documents of a file in order, without the empty ones. Raises Invalid with every problem and its place."""
    documents, problems = read_all(text, file)
    if problems:
        raise Invalid(f"'{file}' cannot be read as YAML", problems=problems)
    return documents


def load(text: str | bytes, file: str) -> Document:
    """The only document of a file. Raises Invalid when there is none, or more than one."""
    documents = load_all(text, file)
    if len(documents) != 1:
        found = Problem("", file, 1, 1, expected="exactly one YAML document", found=f"{len(documents)}")
        raise Invalid(f"'{file}' must hold one YAML document", problems=[found])
    return documents[0]


def read_all(text: str | bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """The documents that can be read and the problems of the others: broken syntax spoils only what follows it."""
    try:
        source = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        size = len(source.encode())
    except UnicodeError as error:
        return [], [
            Problem(
                "", file, 1, 1, expected="text in UTF-8", found=str(error.reason if hasattr(error, "reason") else error)
            )
        ]
    if size > MAX_BYTES:
        return [], [Problem("", file, 1, 1, expected=f"at most {MAX_BYTES} bytes", found=f"{size} bytes")]
    documents, problems, broken = _compose(_libyaml(source), file)
    if broken and broken.syntax and size <= MAX_AGAIN:
        again = _compose(_ruamel(source), file)
        if not again[2]:
            return again[0], again[1]
    if broken:
        problems.append(Problem(broken.message, file, *broken.place, hint=broken.hint))
    return documents, problems


def dump(value: Any) -> str:
    """YAML text of plain JSON values, keys in the given order; read back by 1.1 and 1.2 readers as the same values."""
    return str(libyaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


# ── events to values ──────────────────────────────────────────────────────────────────────────────────────────────────
class _Broken(Exception):
    """`syntax` is the parser's complaint, which another parser may not share; else it is ours."""

    def __init__(self, message: str, line: int, column: int, hint: str = "", *, syntax: bool = False) -> None:
        self.place, self.message, self.hint, self.syntax = (line, column), message, hint, syntax


def _libyaml(source: str) -> Iterator[Any]:
    try:
        parser = CParser(source)
        while parser.check_event():
            yield parser.get_event()
    except libyaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise _Broken(said, mark.line + 1, mark.column + 1, _hint(said), syntax=True) from error
    except libyaml.YAMLError as error:
        before = source[: getattr(error, "position", 0)]
        line = before.count("\n") + 1
        raise _Broken(str(error).splitlines()[0], line, 1, "remove the control character", syntax=True) from error


def _ruamel(source: str) -> Iterator[Any]:
    try:
        yield from ruamel.yaml.YAML(typ="safe", pure=True).parse(source)
    except Exception as error:  # its reader raises many kinds; libyaml's message is the one shown
        raise _Broken(str(error), 1, 1) from error


HINTS = (
    ("mapping values are not allowed", "put quotes around a value that contains ': ', or check the indentation"),
    ("cannot start any token", "indent with spaces, and put quotes around a value that begins with @, ` or %"),
    ("did not find expected key", "check the indentation of this line and the one above"),
    ("could not find expected ':'", "write 'key: value', or indent the lines that continue a text"),
    ("found undefined alias", "define the anchor before it is used, or put quotes around a value that begins with *"),
    ("did not find expected", "close the bracket or quote that was opened"),
)


def _hint(said: str) -> str:
    return next((hint for words, hint in HINTS if words in said), "")


def _compose(events: Iterator[Any], file: str) -> tuple[list[Document], list[Problem], _Broken | None]:
    documents: list[Document] = []
    problems: list[Problem] = []
    index = -1
    try:
        for event in events:
            if type(event).__name__ != "DocumentStartEvent":
                continue
            index += 1
            composer = _Composer(events, file)
            value, mark = composer.node(next(events), 0)
            if composer.problems:
                problems += composer.problems
            elif value is not None:
                documents.append(Document(value, Marks(mark), index))
    except _Broken as broken:
        return documents, problems, broken
    return documents, problems, None


class _Composer:
    """Turns the events of one document into values and marks."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self._events = events
        self._file = file
        self._anchors: dict[str, tuple[Any, Mark]] = {}
        self._expanded = 0
        self.problems: list[Problem] = []

    def node(self, event: Any, depth: int) -> tuple[Any, Mark]:
        """The value that begins with `event`, and its mark."""
        kind = type(event).__name__
        start = event.start_mark
        mark = Mark(start.line + 1, start.column + 1)
        if kind == "AliasEvent":
            return self._alias(event, mark)
        if depth > MAX_DEPTH:
            raise _Broken(f"nested deeper than {MAX_DEPTH} levels", mark.line, mark.column)
        if kind == "ScalarEvent":
            event.value = self._text(event.value, mark)
            value: Any = _scalar(event)
        elif kind == "SequenceStartEvent":
            value = self._sequence(mark, depth)
        else:
            value = self._mapping(mark, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, mark)
        return value, mark

    def _text(self, text: str, mark: Mark) -> str:
        """The text with the two halves of a character joined, as JSON writes them; half a character is a problem."""
        if not HALF.search(text):
            return text
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if whole.count("\ufffd") > text.count("\ufffd"):
            odd = ascii(text)[:60]
            self.problems.append(
                Problem("", self._file, mark.line, mark.column, expected="whole characters", found=odd)
            )
        return whole

    def _alias(self, event: Any, mark: Mark) -> tuple[Any, Mark]:
        if event.anchor not in self._anchors:
            raise _Broken(
                f"found undefined alias '{event.anchor}'", mark.line, mark.column, _hint("found undefined alias")
            )
        value, meant = self._anchors[event.anchor]
        self._expanded += meant.size
        if self._expanded > MAX_EXPANDED:
            raise _Broken(f"aliases expand to more than {MAX_EXPANDED} nodes", mark.line, mark.column)
        return value, Mark(meant.line, meant.column, None, meant.inside, meant.size)

    def _sequence(self, mark: Mark, depth: int) -> list[Any]:
        items: list[Any] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            value, inner = self.node(event, depth + 1)
            mark.inside[len(items)] = inner
            mark.size += inner.size
            items.append(value)
        return items

    def _mapping(self, mark: Mark, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key_value, key_mark = self.node(event, depth + 1)
            key = _key(key_value)
            value, inner = self.node(next(self._events), depth + 1)
            inner.key = (key_mark.line, key_mark.column)
            mark.size += inner.size
            if key in fields:
                first = mark.inside[key].key
                self.problems.append(
                    Problem("", self._file, *inner.key, path=key, expected="every key once",
                            found=f"'{key}' again; first on line {first[0] if first else '?'}")
                )  # fmt: skip
                continue
            fields[key] = value
            mark.inside[key] = inner
        return fields


WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
         "false": False, "False": False, "FALSE": False}  # fmt: skip
INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
HALF = re.compile(r"[\ud800-\udfff]")
SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def _scalar(event: Any) -> Any:
    text: str = event.value
    tag = str(event.tag) if event.tag else ""
    if tag.startswith("tag:yaml.org,2002:") and not tag.endswith(":str"):
        return _core(text)
    plain = not event.style or event.style == ":"
    return _core(text) if plain and not tag else text


def _core(text: str) -> Any:
    if text in WORDS:
        return WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if INT.fullmatch(text):
        return _whole(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _whole(text: str) -> int | float:
    """An integer that JSON and both databases can hold, else the nearest float, as JavaScript reads it."""
    if len(text) > 40:
        return float(text) if text[:2] not in ("0o", "0x") else float("inf")
    number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return number if -(2**63) <= number < 2**63 else float(number)


def _key(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else _flow(value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        pairs = [name if item is None else f"{name}: {_flow(item)}" for name, item in value.items()]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[ {', '.join(_flow(item) for item in value)} ]" if value else "[]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class _Dumper(libyaml.CSafeDumper):  # type: ignore[misc]
    """Quotes whatever either version of YAML would read as something else; never writes aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Repeat a value that occurs twice instead of anchoring it."""
        del data
        return True

    def text(self, data: str) -> Any:
        """Text of several lines as a block."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data.strip() else None)


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_implicit_resolver(
    "tag:towpath,1.2:number", re.compile(rf"^(?:{INT.pattern}|{FLOAT.pattern})$"), [*"+-.0123456789"]
)

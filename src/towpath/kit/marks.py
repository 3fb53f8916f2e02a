"""Places in a document: line and column of every node, found by path."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Path = Sequence[str | int]


@dataclass(slots=True)
class Mark:
    """Where a node stands (from 1), where its key stands, and the marks of what it holds."""

    line: int
    column: int
    key: tuple[int, int] | None = None
    inside: dict[str | int, "Mark"] = field(default_factory=dict)
    size: int = 1


@dataclass(frozen=True, slots=True)
class Marks:
    """The places of one document. A path that is not there has the place of the nearest node above it."""

    root: Mark

    def at(self, path: str | Path, *, key: bool = False) -> tuple[int, int]:
        """(line, column) of `spec.links[0].url` or `("spec", "links", 0, "url")`; of its key when asked."""
        mark, rest = self.reach(path)
        return mark.key if key and mark.key and not rest else (mark.line, mark.column)

    def reach(self, path: str | Path) -> tuple[Mark, Path]:
        """The deepest mark on the way to `path`, and what is left of the path below it."""
        parts = list(_parts(path, self.root)) if isinstance(path, str) else list(path)
        mark = self.root
        for done, part in enumerate(parts):
            if part not in mark.inside:
                return mark, parts[done:]
            mark = mark.inside[part]
        return mark, ()


def format_path(path: Path) -> str:
    """`spec.links[0].url` for `("spec", "links", 0, "url")`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _parts(path: str, root: Mark) -> Iterator[str | int]:
    """Split a written path, taking the longest key that exists: annotation keys contain dots."""
    mark: Mark | None = root
    while path:
        number = re.match(r"\[(\d+)\]\.?", path)
        if number:
            part: str | int = int(number[1])
            path = path[number.end() :]
        else:
            keys = [key for key in mark.inside if isinstance(key, str) and _begins(path, key)] if mark else []
            part = max(keys, key=len) if keys else re.split(r"[.\[]", path, maxsplit=1)[0]
            path = path[len(part) :].removeprefix(".")
            if not part and not keys:
                return
        mark = mark.inside.get(part) if mark else None
        yield part


def _begins(path: str, key: str) -> bool:
    return path.startswith(key) and path[len(key) : len(key) + 1] in ("", ".", "[")

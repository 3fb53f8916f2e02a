"""Secrets of a step stay out of its log, its result and its errors."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from towpath.kit.errors import TowpathError

MASK = "***"


class Mask:
    """Replaces every secret value it was given, in text and in JSON; lines of a multi-line secret count on their own."""

    def __init__(self, values: Iterable[str]) -> None:
        parts = {part for value in values for part in (value, *value.splitlines()) if len(part.strip()) > 2}
        self._parts = sorted(parts, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for part in self._parts:
            text = text.replace(part, MASK)
        return text

    def json(self, value: Any) -> Any:
        """The value with every string masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.json(one) for key, one in value.items()}
        return [self.json(one) for one in value] if isinstance(value, list) else value

    def log(self, log: Callable[[str], None]) -> Callable[[str], None]:
        """A `log` that masks."""
        return (lambda text: log(self.text(text))) if self._parts else log

    def error(self, error: Exception) -> Exception:
        """The same error without secrets, of the same kind where that is ours."""
        if not self._parts:
            return error
        if not isinstance(error, TowpathError):
            return RuntimeError(f"{type(error).__name__}: {self.text(str(error))}")
        problems = [
            replace(one, message=self.text(one.message), found=self.text(one.found), hint=self.text(one.hint))
            for one in error.problems
        ]
        return type(error)(self.text(error.message), hint=self.text(error.hint), problems=problems)

"""Hides secret values in whatever a workflow prints, before anything is stored."""

import base64
from collections.abc import Iterable


class Mask:
    """Replaces every secret of four or more characters, plain or in base64, by `***`."""

    def __init__(self, values: Iterable[str]) -> None:
        plain = [line for value in values for line in (value, *value.splitlines()) if len(line) >= 4]
        coded = [base64.b64encode(value.encode()).decode().rstrip("=") for value in plain]
        self._values = sorted({*plain, *coded}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for value in self._values:
            text = text.replace(value, "***")
        return text

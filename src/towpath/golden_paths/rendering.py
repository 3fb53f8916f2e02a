"""The one way to the template children: a pool made at the first rendering and ended with the portal."""

import threading
from collections.abc import Mapping
from typing import Any

from towpath.golden_paths.templating.pool import Pool

_pool: list[Pool] = []
_lock = threading.Lock()


def _current() -> Pool:
    with _lock:
        if not _pool:
            _pool.append(Pool())
        return _pool[0]


def close() -> None:
    """End the children; the next rendering starts new ones."""
    with _lock:
        while _pool:
            _pool.pop().close()


def values(template: Any, context: Mapping[str, Any]) -> Any:
    """A JSON value with every string rendered: a sole expression keeps its type, an undefined one its key out."""
    return _current().render_values(template, context)


def files(
    names: Mapping[str, str], texts: Mapping[str, str], options: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Rendered names and texts by the keys given, all in one call. `options`: values, cookiecutter, trim_blocks,
    lstrip_blocks."""
    return _current().render_files(names, texts, options)

"""The plugin manager. The built-in capabilities are registered by the entrances, strangers' by entry-point group `towpath`."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import pluggy

from towpath.sdk import hooks

_manager: list[pluggy.PluginManager] = []


def load(built_in: Iterable[ModuleType], *, strangers: bool = True) -> pluggy.PluginManager:
    """Register the capabilities' `plug` modules, then installed plugins; raises when one implements an unknown hook."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    for module in built_in:
        manager.register(module, name=module.__name__.split(".")[-2])
    if strangers:
        manager.load_setuptools_entrypoints(hooks.PROJECT)
    manager.check_pending()
    _manager[:] = [manager]
    return manager


def call() -> Any:
    """The hooks of this process: `plugins.call().kinds()` gives one list per plugin."""
    return _manager[0].hook


def collect(results: Iterable[Iterable[Any]]) -> list[Any]:
    """Flatten what a collecting hook answered, in the order the plugins were registered.

    pluggy calls the last registered first; the capabilities stand in the order of the floors, so turn it round.
    """
    return [item for answer in reversed(list(results)) for item in answer or ()]


def each(name: str) -> list[tuple[str, Callable[[], Any]]]:
    """Every plugin's own implementation of a hook without parameters: one that raises keeps no other from its turn."""
    found = getattr(_manager[0].hook, name).get_hookimpls()
    return [(one.plugin_name, one.function) for one in found]


def names() -> list[str]:
    """Names of the plugins in use."""
    return [name for name, _ in _manager[0].list_name_plugin()]

"""Every built-in capability, top floor first; only the entrances read this list."""

import importlib
import importlib.util
import pkgutil
from types import ModuleType

NAMES = (
    "portal",
    "deployments",
    "golden_paths",
    "orchestrator",
    "pipelines",
    "repositories",
    "artifacts",
    "secrets",
    "runtimes",
    "environments",
    "catalog",
    "approvals",
    "runs",
    "identity",
    "audit",
)


def plugs() -> list[ModuleType]:
    """The `plug` module of each capability."""
    return [importlib.import_module(f"towpath.{name}.plug") for name in NAMES]


def load_models() -> None:
    """Import every `model` module, so that the metadata knows all tables."""
    importlib.import_module("towpath.kit.events")
    package = importlib.import_module("towpath")
    for found in pkgutil.iter_modules(package.__path__, "towpath."):
        if found.ispkg and importlib.util.find_spec(f"{found.name}.model"):
            importlib.import_module(f"{found.name}.model")

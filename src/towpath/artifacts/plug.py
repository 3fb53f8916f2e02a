"""What artifacts contribute."""

from collections.abc import Sequence

from fastapi import APIRouter

from towpath.artifacts import api, layers, retention
from towpath.sdk.backup import BackupPart
from towpath.sdk.hooks import hook
from towpath.sdk.types import Permission, Role


@hook
def permissions() -> Sequence[Permission]:
    """Reading; publishing is a pipeline's, deleting an entity's end."""
    return [
        Permission("artifacts.read", Role.viewer, "See and download bundles"),
        Permission("artifacts.publish", Role.developer, "Publish bundles through a pipeline"),
        Permission("artifacts.delete", Role.developer, "Delete bundles with their component"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST."""
    return [api.router]


@hook
def backup_parts() -> Sequence[BackupPart]:
    """What the store holds, and the archives of the layers that bundles name: a release starts without a network."""
    return retention.PARTS


@hook
def tidy() -> None:
    """Dependency layers that no bundle names and no pipeline asked for in a week."""
    layers.remove_unused(retention.layers_named())

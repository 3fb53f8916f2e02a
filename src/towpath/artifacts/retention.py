"""What is kept of bundles: the layers that they name, so that a release starts without a network; a backup has both."""

from pathlib import Path

from towpath.artifacts import layers, service
from towpath.kit import db
from towpath.organisations import service as organisations
from towpath.sdk.backup import BackupPart, folder_part


def layers_named() -> list[str]:
    """The dependency layers that bundles of any organisation start with."""
    named: set[str] = set()
    for ref in organisations.databases():
        with db.read(ref) as session:
            named.update(service.layers_named(session))
    return sorted(named)


def _save_layers(work: Path) -> Path:
    for name in layers_named():
        layers.give_archive(name, work)
    return work


PARTS = [
    folder_part("artifacts", "Artifacts"),
    BackupPart("layers", "Dependency layers", _save_layers, layers.take_archives),
]

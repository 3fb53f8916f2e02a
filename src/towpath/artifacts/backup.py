"""What a backup takes: the store, and the layers that bundles name, so that a release starts without a network."""

from pathlib import Path

from towpath.artifacts import layers, service
from towpath.kit import db
from towpath.organisations import service as organisations
from towpath.sdk.backup import BackupPart, folder_part


def _save_layers(work: Path) -> Path:
    for ref in organisations.databases():
        with db.read(ref) as session:
            named = service.layers_named(session)
        for name in named:
            layers.give_archive(name, work)
    return work


PARTS = [
    folder_part("artifacts", "Artifacts"),
    BackupPart("layers", "Dependency layers", _save_layers, layers.take_archives),
]

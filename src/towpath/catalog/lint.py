"""Descriptors of a checkout, checked offline with the same rules that registration uses; any kind may come."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from towpath.catalog import ingest, kinds, substitute, urls
from towpath.kit import yaml
from towpath.sdk.types import SourceFile

NAMES = ("catalog-info.yaml", "catalog-info.yml")


def check(paths: Sequence[Path]) -> ingest.Ingested:
    """Check each file on its own, so that a broken one spoils nothing else; a folder gives its catalog-info files."""
    total = ingest.Ingested()
    for path in _files(paths):
        found = ingest.ingest(_with_parts(path), kinds.all_kinds(), ingest.Supply("lint", granted=True))
        total.entities += found.entities
        total.problems += found.problems
        total.warnings += found.warnings
    return total


def _files(paths: Sequence[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("catalog-info.y*ml") if one.name in NAMES)
        else:
            yield path


def _with_parts(path: Path) -> list[SourceFile]:
    files = {str(path): SourceFile(str(path), path.read_bytes())}
    for document in yaml.read_all(files[str(path)].data, str(path))[0]:
        targets = [*substitute.targets(document.value, str(path)), *urls.location_targets(document.value, str(path))]
        for target in targets:
            if Path(target).is_file():
                files[target] = SourceFile(target, Path(target).read_bytes())
    return list(files.values())

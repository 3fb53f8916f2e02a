"""What a capability keeps outside the databases, and how it comes back: the noun of the hook `backup_parts`."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from towpath.kit import settings


@dataclass(frozen=True)
class BackupPart:
    """One part of a backup.

    `save(work)` returns the folder whose files are taken: a live one, or `work` (empty) after writing into it.
    `load(folder)` puts those files in place in a data folder without an install; a repeat after a crash begins anew.
    `skip` are patterns (fnmatch, on names) of what is left out; folders named in `first` are taken before their siblings:
    what points goes before what it points at, which may grow meanwhile.
    """

    name: str
    title: str
    save: Callable[[Path], Path]
    load: Callable[[Path], None]
    skip: tuple[str, ...] = ()
    first: tuple[str, ...] = ()


def folder_part(name: str, title: str, *, skip: tuple[str, ...] = (), first: tuple[str, ...] = ()) -> BackupPart:
    """The part that is the folder `name` of the data folder, taken as it lies."""

    def load(folder: Path) -> None:
        place = settings.current().folder(name)
        shutil.rmtree(place)
        folder.rename(place)

    return BackupPart(name, title, lambda work: settings.current().folder(name), load, skip, first)

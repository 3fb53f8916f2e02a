"""Type `volume`: a folder that outlives releases."""

import hashlib
import shutil
from pathlib import Path

from towpath.kit import settings
from towpath.sdk.types import DriverContext, Got, Want


class Volume:
    """Makes one folder per resource under `volumes/` in the data folder."""

    id = "volume"
    types = ("volume",)

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say whether the folder is still to be made."""
        return [] if _folder(want, ctx).is_dir() else ["make an empty folder"]

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Output `source`: the folder's path. What is in it stays."""
        folder = _folder(want, ctx)
        settings.current().folder("volumes")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Got(state={"folder": folder.name}, outputs={"source": str(folder)})

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """Delete the folder and what is in it."""
        folder = _folder(want, ctx)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)


def _folder(want: Want, ctx: DriverContext) -> Path:
    """Named by a hash of organisation and uid: a uid holds characters that a path should not."""
    name = hashlib.sha256(f"{ctx.organisation}/{want.uid}".encode()).hexdigest()[:32]
    return settings.current().data / "volumes" / name


DRIVER = Volume()

"""`fs:delete`: remove files of the workspace by globs."""

import shutil

from pydantic import BaseModel, Field

from towpath.golden_paths import confine
from towpath.kit.errors import Invalid
from towpath.sdk.types import Action, StepContext


class Takes(BaseModel):
    """`files` are globs below the workspace; a folder takes all below it."""

    files: list[str] = Field(description="Globs of what to remove", examples=[["docs/draft.md", "**/*.tmp"]])


class Gives(BaseModel):
    """Nothing: the files are gone."""


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Remove what matches; what is gone already is no error, so the step may run twice."""
    for pattern in takes.files:
        if ".." in pattern.split("/"):
            raise Invalid(f"files: '{pattern}' leads outside the workspace", hint="name files below the workspace")
    found = [path for path, _ in confine.walk(ctx.workspace) if confine.matches(path, takes.files)]
    for path in found:
        place = confine.entry(ctx.workspace, path)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    ctx.log(f"Removed {len(found)} entries" if found else f"Nothing matches {', '.join(takes.files)}")
    return Gives()


ACTION = Action("fs:delete", "Remove files and folders of the workspace", Takes, Gives, run)

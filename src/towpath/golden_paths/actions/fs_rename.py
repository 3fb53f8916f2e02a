"""`fs:rename`: move files and folders inside the workspace."""

import shutil

from pydantic import BaseModel, ConfigDict, Field

from towpath.golden_paths import confine
from towpath.kit.errors import Conflict, NotFound
from towpath.sdk.types import Action, StepContext


class Move(BaseModel):
    """One move, both places below the workspace."""

    model_config = ConfigDict(populate_by_name=True)
    from_: str = Field(alias="from", description="File or folder to move")
    to: str = Field(description="Its new place")
    overwrite: bool = Field(False, description="Replace what is at the new place")


class Takes(BaseModel):
    """Moves, made in order."""

    files: list[Move] = Field(description="What moves where", examples=[[{"from": "LICENSE.txt", "to": "LICENSE"}]])


class Gives(BaseModel):
    """Nothing: the files have moved."""


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Move each; one that already stands at its new place was moved by an earlier try of this step."""
    for number, move in enumerate(takes.files):
        source = confine.entry(ctx.workspace, move.from_, f"files[{number}].from")
        target = confine.entry(ctx.workspace, move.to, f"files[{number}].to")
        if not source.exists() and not source.is_symlink():
            if target.exists():
                ctx.log(f"{move.to} stands already")
                continue
            raise NotFound(f"files[{number}].from: '{move.from_}' is not in the workspace")
        if target.exists() and source != target:
            if not move.overwrite:
                raise Conflict(f"files[{number}].to: '{move.to}' exists", hint="set 'overwrite: true' to replace it")
            if target.is_dir() and not target.is_symlink() and not source.is_relative_to(target):
                shutil.rmtree(target)
        if target.is_relative_to(source) and source != target:
            raise Conflict(f"files[{number}].to: '{move.to}' is inside '{move.from_}'", hint="choose another place")
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        ctx.log(f"Moved {move.from_} to {move.to}")
    return Gives()


ACTION = Action("fs:rename", "Move files and folders of the workspace", Takes, Gives, run)

"""`fs:rename`: move files and folders inside the workspace."""

import shutil
from collections.abc import Sequence
from pathlib import Path

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
    done = _done(takes.files, ctx.workspace)
    for number, move in enumerate(takes.files[done:], done):
        source = confine.entry(ctx.workspace, move.from_, f"files[{number}].from")
        target = confine.entry(ctx.workspace, move.to, f"files[{number}].to")
        if not _there(source):
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


def _done(moves: Sequence[Move], workspace: Path) -> int:
    """How many of the moves an earlier try made: the fewest after which the rest find what they take; 0 when none fits.

    Whoever swaps two names through a third cannot be told from one who did.
    """
    pairs = [(confine.entry(workspace, one.from_), confine.entry(workspace, one.to)) for one in moves]
    return next((count for count in range(len(pairs) + 1) if _fits(pairs, count)), 0)


def _fits(pairs: Sequence[tuple[Path, Path]], count: int) -> bool:
    known: dict[Path, bool] = {}
    for source, target in pairs[:count]:
        known |= {source: False, target: True}
    if any(_there(place) is not there for place, there in known.items()):
        return False
    for source, target in pairs[count:]:
        came_along = any(known.get(one) for one in source.parents)
        if not known.get(source, came_along or _there(source)):
            return False
        known |= {source: False, target: True}
    return True


def _there(place: Path) -> bool:
    return place.exists() or place.is_symlink()


ACTION = Action("fs:rename", "Move files and folders of the workspace", Takes, Gives, run)

"""`debug:log`: say something, or list the workspace, in the step's log."""

from typing import Literal

from pydantic import BaseModel, Field

from towpath.golden_paths import confine
from towpath.sdk.types import Action, StepContext

SHOWN_BYTES = 20_000


class Takes(BaseModel):
    """A message, the workspace's listing, or both."""

    message: str | None = Field(None, description="Text for the log")
    listWorkspace: bool | Literal["with-filenames", "with-contents"] = Field(  # noqa: N815 (the peer's name)
        False, description="List the files of the workspace, with their text if asked"
    )


class Gives(BaseModel):
    """Nothing but the lines of the log."""


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Write the lines."""
    if takes.message:
        ctx.log(takes.message)
    if takes.listWorkspace:
        files = [(path, one) for path, one in confine.walk(ctx.workspace) if one.is_file(follow_symlinks=False)]
        ctx.log("Workspace:\n" + "\n".join(f"  - {path}" for path, _ in files))
        if takes.listWorkspace == "with-contents":
            for path, _ in files:
                ctx.log(f"{path}:\n{_text(confine.inside(ctx.workspace, path).read_bytes())}")
    return Gives()


def _text(data: bytes) -> str:
    if b"\0" in data[:8000]:
        return f"({len(data)} bytes, not text)"
    shown = data[:SHOWN_BYTES].decode(errors="replace")
    return shown if len(data) <= SHOWN_BYTES else f"{shown}\n({len(data) - SHOWN_BYTES} bytes more)"


ACTION = Action("debug:log", "Write a message or the workspace's listing into the log", Takes, Gives, run)

"""`fetch:plain`: copy a folder into the workspace as it is."""

from typing import Any

from pydantic import BaseModel, Field

from towpath.golden_paths import confine, fetch
from towpath.golden_paths.context import TaskContext
from towpath.sdk.types import Action


class Takes(BaseModel):
    """`url` is relative to the template, `targetPath` to the workspace."""

    url: str = Field(description="Folder to copy, relative to the template", examples=["./skeleton"])
    targetPath: str = Field("", description="Folder of the workspace to copy into")  # noqa: N815 (the peer's name)
    token: Any = Field(None, description="Accepted and not read: our sources need none")


class Gives(BaseModel):
    """Nothing: the files are in the workspace."""


def run(takes: Takes, ctx: TaskContext) -> Gives:
    """Copy every file; one that is there already is replaced, so a repeated step ends the same."""
    root = confine.inside(ctx.workspace, takes.targetPath, "targetPath")
    found = fetch.tree(ctx.read, ctx.template_source, takes.url)
    prefix = root.relative_to(ctx.workspace.resolve()).as_posix()
    for path, one in found.items():
        write(ctx, path if prefix == "." else f"{prefix}/{path}", one)
    ctx.log(f"Copied {len(found)} files from {takes.url}")
    return Gives()


def write(ctx: TaskContext, path: str, one: fetch.Entry) -> None:
    """Put one fetched entry into the workspace: link or file, mode kept."""
    if one.link is not None:
        confine.link(ctx.workspace, path, one.link)
    else:
        confine.put(ctx.workspace, path, one.data, one.mode)


ACTION = Action("fetch:plain", "Copy a folder into the workspace as it is", Takes, Gives, run)

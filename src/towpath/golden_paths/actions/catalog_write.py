"""`catalog:write`: write the entity's own file into the workspace."""

from typing import Any

from pydantic import BaseModel, Field

from towpath.golden_paths import confine
from towpath.golden_paths.context import TaskContext
from towpath.kit import yaml
from towpath.sdk.types import Action

ORIGIN = "backstage.io/source-template"


class Takes(BaseModel):
    """`entity` as it stands in a catalog file."""

    entity: dict[str, Any] = Field(description="The entity: apiVersion, kind, metadata, spec")
    filePath: str = Field("catalog-info.yaml", description="Where to write it")  # noqa: N815 (the peer's name)


class Gives(BaseModel):
    """Nothing: the file is in the workspace."""


def run(takes: Takes, ctx: TaskContext) -> Gives:
    """Write the entity as YAML with the template it came from in an annotation."""
    metadata = dict(takes.entity.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), ORIGIN: ctx.template_ref}
    text = yaml.dump({**takes.entity, "metadata": metadata})
    confine.put(ctx.workspace, takes.filePath, text.encode())
    ctx.log(f"Wrote {takes.filePath}")
    return Gives()


ACTION = Action("catalog:write", "Write the entity's catalog file into the workspace", Takes, Gives, run)

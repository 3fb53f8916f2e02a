"""`catalog:write`: write the entity's own file into the workspace."""

import io
from typing import Any

from pydantic import BaseModel, Field
from ruamel.yaml import YAML

from towpath.golden_paths import confine
from towpath.golden_paths.context import TaskContext
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
    yaml = YAML(typ="rt")
    yaml.width = 120
    text = io.StringIO()
    yaml.dump({**takes.entity, "metadata": metadata}, text)
    confine.put(ctx.workspace, takes.filePath, text.getvalue().encode())
    ctx.log(f"Wrote {takes.filePath}")
    return Gives()


ACTION = Action("catalog:write", "Write the entity's catalog file into the workspace", Takes, Gives, run)

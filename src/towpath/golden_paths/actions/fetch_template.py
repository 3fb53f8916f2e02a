"""`fetch:template`: render a skeleton into the workspace, names and texts, all texts in one call."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from towpath.golden_paths import confine, fetch, rendering
from towpath.golden_paths.actions.fetch_plain import write
from towpath.golden_paths.context import TaskContext
from towpath.kit.errors import Invalid
from towpath.sdk.types import Action


class Takes(BaseModel):
    """`values` are what the skeleton reads as `values.*`."""

    url: str = Field(description="Folder of the skeleton, relative to the template", examples=["./skeleton"])
    targetPath: str = Field("", description="Folder of the workspace to render into")  # noqa: N815 (the peer's names)
    values: dict[str, Any] = Field(default_factory=dict, description="What the skeleton reads as `values`")
    copyWithoutTemplating: list[str] = Field(  # noqa: N815
        default_factory=list, description="Globs of files whose text is copied as it is"
    )
    copyWithoutRender: list[str] | None = Field(None, description="Ignored, as Backstage does; say the one above")  # noqa: N815
    templateFileExtension: bool | str = Field(  # noqa: N815
        False, description="Render only files with this extension (true: .njk), and drop it"
    )
    cookiecutterCompat: bool = Field(False, description="Read values as `cookiecutter` between {{ and }}")  # noqa: N815
    replace: bool = Field(False, description="Replace files that are in the workspace already")
    trimBlocks: bool = Field(False, description="Drop the newline after a block")  # noqa: N815
    lstripBlocks: bool = Field(False, description="Drop blanks before a block")  # noqa: N815
    token: Any = Field(None, description="Accepted and not read: our sources need none")


class Gives(BaseModel):
    """Nothing: the files are in the workspace."""


def run(takes: Takes, ctx: TaskContext) -> Gives:
    """Render and write; a file that is there already stays unless `replace`, links and binary files are copied."""
    if takes.copyWithoutRender is not None:
        ctx.log("copyWithoutRender is ignored, as Backstage does: say copyWithoutTemplating")
    if takes.templateFileExtension and takes.copyWithoutTemplating:
        raise Invalid("templateFileExtension and copyWithoutTemplating exclude each other", hint="keep one of them")
    root = confine.inside(ctx.workspace, takes.targetPath, "targetPath")
    prefix = root.relative_to(ctx.workspace.resolve()).as_posix()
    found = fetch.tree(ctx.read, ctx.template_source, takes.url)
    extension = ".njk" if takes.templateFileExtension is True else (takes.templateFileExtension or "")
    if extension and not extension.startswith("."):
        extension = f".{extension}"
    texts = {path: text for path, one in found.items() if (text := _text(takes, extension, path, one)) is not None}
    names = {path: path.removesuffix(extension) if path in texts and extension else path for path in found}
    names, texts = rendering.files(names, texts, _options(takes))
    written = 0
    for path, one in found.items():
        name = names[path]
        if name == "" or name.startswith("/") or name.endswith("/") or "//" in name:
            continue  # a name that rendered to nothing means: leave this file out
        place = name if prefix == "." else f"{prefix}/{name}"
        target = confine.entry(ctx.workspace, place)
        if (target.exists() or target.is_symlink()) and not takes.replace:
            continue
        ctx.check()
        data = texts[path].encode() if path in texts else one.data
        write(ctx, place, fetch.Entry(data, one.mode, one.link))
        written += 1
    ctx.log(f"Rendered {written} files from {takes.url}")
    return Gives()


def _text(takes: Takes, extension: str, path: str, one: fetch.Entry) -> str | None:
    """The text of a file that is a template; None for what is copied as it is."""
    if one.link is not None or b"\0" in one.data[:8000]:
        return None
    if not path.endswith(extension) if extension else confine.matches(path, takes.copyWithoutTemplating):
        return None
    try:
        return one.data.decode()
    except UnicodeDecodeError:
        return None


def _options(takes: Takes) -> Mapping[str, Any]:
    return {
        "values": takes.values,
        "cookiecutter": takes.cookiecutterCompat,
        "trim_blocks": takes.trimBlocks,
        "lstrip_blocks": takes.lstripBlocks,
    }


ACTION = Action("fetch:template", "Render a skeleton into the workspace", Takes, Gives, run)

"""What a step of a golden path has beside the context of any act: the template it belongs to."""

from dataclasses import dataclass

from towpath.sdk.types import Context


@dataclass(frozen=True)
class TaskContext(Context):
    """`template_source` is the location relative addresses resolve against, `template_ref` the template's entity ref."""

    template_ref: str = ""
    template_source: str = ""

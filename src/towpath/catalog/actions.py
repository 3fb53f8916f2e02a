"""Template actions of the catalog."""

from pydantic import BaseModel, Field, model_validator

from towpath.catalog import service
from towpath.kit.errors import Invalid, NotFound
from towpath.sdk.types import Action, StepContext


class Takes(BaseModel):
    """Where the descriptor lies: its address, or a repository's contents and a path."""

    catalogInfoUrl: str | None = Field(None, description="Address of the descriptor.")  # noqa: N815
    repoContentsUrl: str | None = Field(None, description="Address of the repository's root.")  # noqa: N815
    catalogInfoPath: str = Field("/catalog-info.yaml", description="Path of the descriptor in it.")  # noqa: N815
    optional: bool = Field(False, description="Go on when there is no descriptor.")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Takes":
        if not (self.catalogInfoUrl or self.repoContentsUrl):
            raise ValueError("give catalogInfoUrl, or repoContentsUrl")
        return self

    @property
    def url(self) -> str:
        """The descriptor's address."""
        if self.catalogInfoUrl:
            return self.catalogInfoUrl
        return f"{(self.repoContentsUrl or '').rstrip('/')}/{self.catalogInfoPath.lstrip('/')}"


class Gives(BaseModel):
    """What was registered; `entityRef` is the component when there is one, else the first entity."""

    entityRef: str = ""  # noqa: N815
    catalogInfoUrl: str  # noqa: N815


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Read the descriptor, then register it in one transaction."""
    if ctx.dry_run:
        ctx.log(f"Would register {takes.url}")
        return Gives(entityRef="component:default/example", catalogInfoUrl=takes.url)
    try:
        files = service.fetch_outside(ctx.database, takes.url)
        with ctx.write() as session:
            entities = service.register(session, ctx.actor, takes.url, files=files)
    except (NotFound, Invalid) as error:
        if not takes.optional:
            raise
        ctx.log(f"Not registered: {error}")
        return Gives(catalogInfoUrl=takes.url)
    for one in entities:
        ctx.log(f"Registered {one.ref}")
    first = next((one for one in entities if one.kind == "Component"), None)
    first = first or next((one for one in entities if one.kind != "Location"), entities[0])
    return Gives(entityRef=first.ref, catalogInfoUrl=takes.url)


REGISTER = Action("catalog:register", "Register entities from a descriptor in the catalog", Takes, Gives, run)

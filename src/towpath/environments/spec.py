"""The document that declares an environment."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class EnvironmentSpec(BaseModel):
    """`spec` of kind Environment: promotion goes from lower to higher `order`."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(pattern=LABEL, examples=["development"], description="What rules match on.")
    order: int = Field(ge=0, le=1_000_000, description="Place in the order of promotion.")
    approval: bool = Field(False, description="Whether each plan needs somebody else's yes before it applies.")


@dataclass(frozen=True)
class EnvironmentView:
    """An environment as other capabilities see it."""

    name: str
    title: str
    type: str
    order: int
    approval: bool

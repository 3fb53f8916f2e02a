"""REST of repositories; their content is Git's own, below /git."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from towpath.kit.web import Reading, actor_of, database_of, permit
from towpath.repositories import service

router = APIRouter(prefix="/api/v1/repositories", tags=["repositories"])


class RepositoryOut(BaseModel):
    """A repository; `component` is the ref of the entity it holds."""

    model_config = ConfigDict(from_attributes=True)
    uid: str
    name: str
    owner: str | None
    description: str
    default_branch: str
    component: str | None
    clone_url: str


class RepositoryIn(BaseModel):
    """What to make."""

    name: str = Field(examples=["platform-paths"])
    owner: str = Field("", description="Entity ref of the owner.", examples=["group:default/platform-team"])
    description: str = ""


@router.get("", dependencies=[permit("repositories.read")])
def find(unit: Reading) -> list[RepositoryOut]:
    """All repositories by name."""
    return [RepositoryOut.model_validate(one) for one in service.everything(unit.session)]


@router.get("/{name}", dependencies=[permit("repositories.read")])
def get(unit: Reading, name: str) -> RepositoryOut:
    """One repository."""
    return RepositoryOut.model_validate(service.named(unit.session, name))


@router.post("", status_code=201, dependencies=[permit("repositories.create")])
def make(request: Request, wish: RepositoryIn) -> RepositoryOut:
    """Make an empty repository, ready for a first push."""
    made = service.make(
        database_of(request), actor_of(request), wish.name, owner=wish.owner, description=wish.description
    )
    return RepositoryOut.model_validate(made)

"""REST of identity: who am I, and tokens."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from towpath.identity import service
from towpath.kit.web import Reading, Writing, permit

router = APIRouter(prefix="/api/v1", tags=["identity"])


class Me(BaseModel):
    """The actor of this request."""

    ref: str = Field(examples=["user:default/developer"])
    organisation: str
    role: str
    groups: list[str]
    via: str


class NewToken(BaseModel):
    """What a token is for and how long it lasts."""

    name: str = Field(examples=["laptop"], max_length=80)
    scopes: list[str] = Field([], description="Permission ids or 'capability.*'; empty: all your role may do.")
    days: int = Field(90, ge=1, le=365)


class FreshToken(BaseModel):
    """The token itself, shown this once."""

    id: str
    name: str
    token: str


@router.get("/me", dependencies=[permit("signed-in")])
def me(unit: Reading) -> Me:
    """Who acts here, with which role and groups."""
    actor = unit.actor
    return Me(
        ref=actor.ref, organisation=actor.organisation, role=actor.role.name, groups=list(actor.groups), via=actor.via
    )


@router.post("/tokens", status_code=201, dependencies=[permit("identity.tokens")])
def create_token(unit: Writing, wish: NewToken) -> FreshToken:
    """Make a token that acts as you."""
    made = service.create_token(unit.session, unit.actor, wish.name, scopes=tuple(wish.scopes), days=wish.days)
    return FreshToken(id=made.id, name=made.name, token=made.secret)


@router.delete("/tokens/{token_id}", status_code=204, dependencies=[permit("identity.tokens")])
def revoke_token(unit: Writing, token_id: str) -> None:
    """End one of your tokens."""
    service.revoke_token(unit.session, unit.actor, token_id)

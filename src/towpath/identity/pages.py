"""Sign-in, sign-out, and the settings that are a person's own: tokens, members."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from towpath.identity import service
from towpath.identity.middleware import COOKIE
from towpath.kit import db
from towpath.kit.actor import Role
from towpath.kit.errors import Invalid, Unauthenticated
from towpath.kit.web import Reading, Writing, permit
from towpath.organisations import service as organisations
from towpath.ui import service as ui

router = APIRouter(include_in_schema=False)
ROLES = [one.name for one in Role if one is not Role.none]


def _next(target: str) -> str:
    """Only a path of our own may follow a sign-in."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


@router.get("/sign-in", dependencies=[permit(None)])
def sign_in_page(request: Request, next: str = "/") -> Response:
    """The sign-in page; who is signed in goes on."""
    if request.state.actor.ref:
        return RedirectResponse(_next(next), 303)
    return _sign_in(request, next, "", "")


def _sign_in(request: Request, target: str, login: str, error: str, status: int = 200) -> Response:
    demo = service.demo_accounts()
    response = ui.page(
        request, "identity/sign-in.html", title="Sign in", next=_next(target), demo=demo, login=login, error=error
    )
    response.status_code = status
    return response


@router.post("/sign-in", dependencies=[permit(None)])
def sign_in(
    request: Request,
    login: Annotated[str, Form()],
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Check name and password; a wrong one shows the page again with the reason."""
    try:
        opened = service.sign_in(login, password)
    except Unauthenticated as error:
        return _sign_in(request, next, login, f"{error.message}: {error.hint}", 401)
    response = RedirectResponse(_next(next), 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, opened.cookie, opened.expires_in_s, httponly=True, samesite="lax", secure=secure)
    return response


@router.post("/sign-out", dependencies=[permit(None)])
def sign_out(request: Request) -> Response:
    """End the session and go to the sign-in page."""
    service.sign_out(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/settings/tokens", dependencies=[permit("identity.tokens")])
def tokens_page(unit: Reading) -> Response:
    """The person's own tokens."""
    return ui.page(unit.request, "identity/tokens.html", title="Tokens", tokens=service.tokens(unit.actor), fresh=None)


@router.post("/settings/tokens", dependencies=[permit("identity.tokens")])
def create_token(
    unit: Writing,
    name: Annotated[str, Form()],
    days: Annotated[int, Form(ge=1, le=365)] = 90,
    may: Annotated[Literal["all", "git", "read"], Form()] = "all",
) -> Response:
    """Make a token and show it once."""
    fresh = service.create_token(unit.session, unit.actor, name, days=days, scopes=service.scopes_of(may))
    return ui.page(unit.request, "identity/tokens.html", title="Tokens", tokens=service.tokens(unit.actor), fresh=fresh)


@router.post("/settings/tokens/{token_id}/revoke", dependencies=[permit("identity.tokens")])
def revoke_token(unit: Writing, token_id: str) -> Response:
    """End one token."""
    service.revoke_token(unit.session, unit.actor, token_id)
    return RedirectResponse("/settings/tokens", 303)


@router.get("/settings/members", dependencies=[permit("identity.members")])
def members_page(unit: Reading) -> Response:
    """Members and their roles."""
    with db.read(organisations.control()) as control:
        members = [
            (one.user_ref, Role(one.role).name) for one in organisations.members(control, unit.actor.organisation)
        ]
    return ui.page(unit.request, "identity/members.html", title="Members", members=members, roles=ROLES)


@router.post("/settings/members", dependencies=[permit("identity.members")])
def set_role(unit: Writing, user_ref: Annotated[str, Form()], role: Annotated[str, Form()]) -> Response:
    """Change a member's role."""
    if role not in ROLES:
        raise Invalid(f"'{role}' is not a role", hint=f"one of {', '.join(ROLES)}")
    service.set_role(unit.session, unit.actor, user_ref, Role[role])
    return RedirectResponse("/settings/members", 303)

"""What identity contributes."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.identity import api, pages
from towpath.sdk.hooks import hook
from towpath.sdk.types import Permission, Role


@hook
def permissions() -> Sequence[Permission]:
    """Signing in, tokens and members."""
    return [
        Permission("signed-in", Role.viewer, "Be somebody: any page of an organisation"),
        Permission("identity.tokens", Role.viewer, "Make and end one's own API tokens"),
        Permission("identity.members", Role.administrator, "See members and change their roles"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """Sign-in pages and the token API."""
    return [pages.router, api.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of sign-in, tokens and members."""
    return [str(Path(__file__).parent / "html")]

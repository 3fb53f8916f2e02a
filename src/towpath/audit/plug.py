"""What audit contributes."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from towpath.audit import pages
from towpath.sdk.hooks import hook
from towpath.sdk.types import Permission, Role


@hook
def permissions() -> Sequence[Permission]:
    """Reading the records; nothing changes one."""
    return [Permission("audit.read", Role.platform_engineer, "Read audit records")]


@hook
def routers() -> Sequence[APIRouter]:
    """The page and the API of the records."""
    return [pages.router]


@hook
def template_folders() -> Sequence[str]:
    """Templates of audit."""
    return [str(Path(__file__).parent / "html")]

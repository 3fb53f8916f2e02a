"""What secrets contribute."""

from collections.abc import Sequence

from fastapi import APIRouter

from towpath.kit.actor import Role
from towpath.kit.db import Session
from towpath.sdk.backup import BackupPart, folder_part
from towpath.sdk.hooks import hook
from towpath.sdk.types import EntityView, Permission, Removal
from towpath.secrets import api
from towpath.secrets import jobs as secret_jobs


@hook
def permissions() -> Sequence[Permission]:
    """Names are for developers; values come out for nobody."""
    return [
        Permission("secrets.read", Role.developer, "See the names of secrets"),
        Permission("secrets.write", Role.developer, "Put and remove secrets of what one owns"),
        Permission("secrets.rotate", Role.administrator, "Reseal all secrets under a new key"),
    ]


@hook
def routers() -> Sequence[APIRouter]:
    """REST endpoints."""
    return [api.router]


@hook
def entity_removals(session: Session, entity: EntityView) -> Sequence[Removal]:
    """An entity's secrets go after its resources."""
    return secret_jobs.removal(session, entity)


@hook
def backup_parts() -> Sequence[BackupPart]:
    """The keys that open the secrets in the databases."""
    return [folder_part("keys", "Keys")]

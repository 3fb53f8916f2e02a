"""Secrets over REST: names go out, values only come in."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from towpath.kit import clock
from towpath.kit.web import Reading, Writing, permit
from towpath.secrets import service as secrets
from towpath.secrets.spec import SecretWrite

router = APIRouter(prefix="/api/v1/secrets", tags=["secrets"])


class SecretListed(BaseModel):
    """A secret without its value."""

    name: str
    subject: str
    version: int
    created_by: str
    updated_at: str


@router.get("", dependencies=[permit("secrets.read")])
def list_(unit: Reading, subject: str) -> dict[str, list[SecretListed]]:
    """Names of the secrets of a subject and of what is narrower."""
    return {"items": [_listed(one) for one in secrets.listed(unit.session, subject)]}


@router.put("", dependencies=[permit("secrets.write")])
def put(unit: Writing, body: SecretWrite) -> dict[str, Any]:
    """Keep a secret of what you own; putting it again replaces the value."""
    ref = secrets.write(unit.session, unit.actor, body.name, body.value, subject=body.subject)
    return {"name": body.name, "subject": body.subject, "ref": ref.as_json()}


@router.delete("", dependencies=[permit("secrets.write")], status_code=204)
def remove(unit: Writing, subject: str, name: str) -> Response:
    """Remove one secret of what you own."""
    secrets.remove(unit.session, unit.actor, subject, name)
    return Response(status_code=204)


def _listed(one: secrets.SecretView) -> SecretListed:
    return SecretListed(
        name=one.name, subject=one.subject, version=one.version, created_by=one.created_by,
        updated_at=clock.iso(one.updated_at),
    )  # fmt: skip

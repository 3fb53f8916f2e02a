"""What deleting a component takes away here: its repository and the folder on disk."""

from typing import Any

from towpath.kit import db
from towpath.kit.jobs import Act, Context
from towpath.repositories import service
from towpath.sdk.types import EntityView, Removal, RunView


def removals(session: db.Session, entity: EntityView) -> list[Removal]:
    """The repository that holds the entity, when it is one of ours."""
    found = service.of_component(session, entity.ref)
    if found is None:
        return []
    uid = found.uid

    def prepare(session: db.Session, run: RunView) -> str:
        return uid

    def do(uid: str, ctx: Context) -> dict[str, Any]:
        service.remove_folder(uid)
        ctx.log(f"Removed repository {found.name}")
        return {}

    def settle(session: db.Session, run: RunView, uid: str, result: dict[str, Any]) -> dict[str, Any]:
        service.remove(session, run.actor, uid)
        return result

    act = Act("repository", "Remove the repository", prepare, do, settle)
    return [Removal("repositories.repository", "Repository", (found.name,), act, order=50)]

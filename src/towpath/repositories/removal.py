"""What deleting a component takes away here: its repository, the folder on disk, and what else the catalog read from it."""

from typing import Any

from towpath.catalog import service as catalog
from towpath.kit import db
from towpath.kit.jobs import Act, Context
from towpath.repositories import service
from towpath.sdk.types import EntityView, Removal, RunView


def removals(session: db.Session, entity: EntityView) -> list[Removal]:
    """The repository that holds the entity, when it is one of ours; blocked while it holds other components, which
    have services, databases and a history of their own."""
    found = service.of_component(session, entity.ref)
    if found is None:
        return []
    uid, address = found.uid, service.address(found.name)
    others = [one for one in catalog.supplied_below(session, address) if one.ref != entity.ref]
    components = sorted(one.ref for one in others if one.kind == "Component")

    def prepare(session: db.Session, run: RunView) -> str:
        return uid

    def do(uid: str, ctx: Context) -> dict[str, Any]:
        service.remove_folder(uid)
        ctx.log(f"Removed repository {found.name}")
        return {}

    def settle(session: db.Session, run: RunView, uid: str, result: dict[str, Any]) -> dict[str, Any]:
        gone = catalog.remove_below(session, run.actor, address, but=entity.ref, root_id=run.root_id)
        service.remove(session, run.actor, uid)
        return result | {"entities": gone}

    act = Act("repository", "Remove the repository", prepare, do, settle)
    items = (found.name, *(f"{one.ref}, read from it" for one in others))
    blocked = f"repository '{found.name}' also holds {', '.join(components)}: delete that first" if components else ""
    return [Removal("repositories.repository", "Repository", items, act, order=50, blocked=blocked)]

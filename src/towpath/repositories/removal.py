"""What deleting a component takes away here: its repository, the folder on disk, and what else the catalog read from it."""

from collections.abc import Sequence
from typing import Any

from towpath.catalog import service as catalog
from towpath.kit import db
from towpath.kit.jobs import Act, Context, Fact
from towpath.repositories import service
from towpath.repositories.service import RepositoryView
from towpath.sdk.types import EntityView, Removal, RunView

ID = "repositories.repository"


def removals(session: db.Session, entity: EntityView) -> list[Removal]:
    """The repository that holds the entity, when it is one of ours. One of another owner stays; one that holds more than
    this component and what belongs to it blocks the deletion."""
    found = service.of_component(session, entity.ref)
    if found is None:
        return []
    if found.owner not in (None, entity.owner):
        return [_stays(found)]
    address = service.address(found.name)
    others = [one for one in catalog.read_below(session, address) if one.ref != entity.ref]
    items = (found.name, *(f"{one.ref}, read from it" for one in others))
    blocked = _blocked(found, entity, others, granted=catalog.granted_below(session, address))
    return [Removal(ID, "Repository", items, _act(found, address, entity.ref), order=50, blocked=blocked)]


def _blocked(found: RepositoryView, entity: EntityView, others: Sequence[EntityView], *, granted: bool) -> str:
    """Other components have services, databases and a history of their own; what others own, or the platform runs by, does
    not go with a component."""
    named = f"repository '{found.name}'"
    if granted:
        return f"{named} supplies platform documents: take back its grant on /catalog/locations first"
    if components := [one.ref for one in others if one.kind == "Component"]:
        return f"{named} also holds {', '.join(components)}: delete that first"
    if foreign := [f"{one.ref} of {one.owner}" for one in others if one.owner not in (None, entity.owner)]:
        return f"{named} also holds {', '.join(foreign)}: take its file out of the repository first"
    return ""


def _stays(found: RepositoryView) -> Removal:
    def unlink(session: db.Session, run: RunView) -> dict[str, Any]:
        service.unlink(session, found.uid)
        return {}

    items = (f"the repository itself stays: {found.name} belongs to {found.owner}",)
    step = Fact("repository", "Leave the repository to its owner", unlink)
    return Removal(ID, "Link to the repository", items, step, order=50)


def _act(found: RepositoryView, address: str, but: str) -> Act:
    uid = found.uid

    def prepare(session: db.Session, run: RunView) -> str:
        return uid

    def do(uid: str, ctx: Context) -> dict[str, Any]:
        service.remove_folder(uid)
        ctx.log(f"Removed repository {found.name}")
        return {}

    def settle(session: db.Session, run: RunView, uid: str, result: dict[str, Any]) -> dict[str, Any]:
        gone = catalog.remove_below(session, run.actor, address, but=but, root_id=run.root_id)
        service.remove(session, run.actor, uid)
        return result | {"entities": gone}

    return Act("repository", "Remove the repository", prepare, do, settle)

"""The step that destroys an entity's resources when the entity is deleted."""

from typing import Any

from towpath.kit.db import Session
from towpath.kit.jobs import Act, Context
from towpath.orchestrator import service as orchestrator
from towpath.sdk.types import EntityView, Removal


def removal(session: Session, entity: EntityView) -> list[Removal]:
    """What deleting the entity takes away here; empty when it has no resource."""
    held = orchestrator.resources(session, entity.uid)
    if not held:
        return []
    items = tuple(
        f"{one.type} {one.name} in {one.environment}{', with its data' if one.stateful else ''}" for one in held
    )

    def destroy(data: str, ctx: Context) -> dict[str, int]:
        return {"destroyed": orchestrator.destroy(data, None, ctx)}

    def prepare(session: Session, run: Any) -> str:
        del session, run
        return entity.uid

    return [Removal("resources", "Resources", items, Act("resources", "Destroy resources", prepare, destroy), order=20)]

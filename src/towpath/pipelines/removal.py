"""What deleting a component takes away here: its bundles, as far as nobody else names them, and its pipeline runs' steps."""

from typing import Any

from towpath.artifacts import service as artifacts
from towpath.kit import db
from towpath.kit.jobs import Act, Context
from towpath.pipelines import queries
from towpath.repositories import service as repositories
from towpath.runs import service as runs
from towpath.sdk.types import EntityView, Removal, RunView


def removals(session: db.Session, entity: EntityView) -> list[Removal]:
    """The bundles of the entity's repository."""
    found = repositories.of_component(session, entity.ref)
    if found is None:
        return []
    uid, listed = found.uid, artifacts.bundles(session, found.uid, 20)

    def prepare(session: db.Session, run: RunView) -> dict[str, Any]:
        ended = runs.about(session, f"repository:{uid}", kind="pipeline")
        return {"parts": artifacts.parts_of(session, uid), "runs": ended}

    def do(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
        runs.remove_workspaces(data["runs"])
        artifacts.remove_blobs(ctx.database.name, data["parts"])
        ctx.log(f"Removed {len(data['parts'])} stored parts")
        return {"removed": len(data["parts"])}

    def settle(session: db.Session, run: RunView, data: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        artifacts.remove_of(session, run.actor, uid)
        for run_id in data["runs"]:
            queries.clear(session, run_id)
        runs.forget(session, data["runs"])
        return result

    items = (*(f"{row.name} {row.version} ({row.digest[:19]})" for row in listed), "pipeline runs with their logs")
    return [
        Removal(
            "pipelines.bundles",
            "Bundles and pipeline runs",
            items,
            Act("bundles", "Remove bundles", prepare, do, settle),
            order=40,
        )
    ]

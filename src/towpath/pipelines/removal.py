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
    listed = artifacts.bundles(session, found.uid, 500) if found else []
    if found is None:
        return []
    uid = found.uid

    def prepare(session: db.Session, run: RunView) -> dict[str, Any]:
        return {"repository": uid}

    def do(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
        with ctx.write() as own:
            gone = artifacts.remove_of(own, ctx.actor, data["repository"])
            ended = runs.about(own, f"repository:{data['repository']}", kind="pipeline")
            for run_id in ended:
                queries.clear(own, run_id)
            runs.forget(own, ended)
        runs.remove_workspaces(ended)
        artifacts.remove_blobs(ctx.database.name, gone)
        ctx.log(f"Removed {len(gone)} stored parts")
        return {"removed": len(gone)}

    items = (*(f"{row.name} {row.version} ({row.digest[:19]})" for row in listed[:20]), "pipeline runs with their logs")
    return [
        Removal(
            "pipelines.bundles",
            "Bundles and pipeline runs",
            items,
            Act("bundles", "Remove bundles", prepare, do),
            order=40,
        )
    ]

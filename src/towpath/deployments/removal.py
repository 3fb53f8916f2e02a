"""What deleting a component takes away here: deployments on their way first, their history last."""

from typing import Any

from towpath.deployments import service
from towpath.kit import db
from towpath.kit.errors import TowpathError
from towpath.kit.jobs import Act, Context
from towpath.organisations import service as organisations
from towpath.runs import service as runs
from towpath.sdk.types import EntityView, Removal, RunView


def removals(session: db.Session, entity: EntityView) -> list[Removal]:
    """Two removals: end active deployments (order 5), forget all (order 80)."""
    if entity.kind != "Component":
        return []
    known = service.find(session, component_uid=entity.uid, limit=200)
    if not known:
        return []
    active = service.active(session, entity.uid)

    def open_ones(session: db.Session, run: RunView) -> list[str]:
        return [row.id for row in service.active(session, entity.uid)]

    def end(ids: list[str], ctx: Context) -> dict[str, Any]:
        for one in ids:
            try:
                with ctx.write() as own:
                    runs.cancel(own, ctx.actor, one)
                runs.wait_for(ctx, one, 60)
            except TowpathError as error:  # it ended by itself meanwhile
                ctx.log(str(error))
        return {"ended": len(ids)}

    def old(session: db.Session, run: RunView) -> dict[str, list[str]]:
        ids = [one for kind in ("deployment", "task") for one in runs.about(session, entity.ref, kind=kind)]
        return {"runs": ids, "hosts": service.hosts(session, entity)}

    def release(found: dict[str, list[str]], ctx: Context) -> dict[str, list[str]]:
        runs.remove_workspaces(found["runs"])
        with db.write(organisations.control()) as control:
            for host in found["hosts"]:
                organisations.release_hostname(control, host, ctx.database.name)
        return found

    def forget(session: db.Session, run: RunView, found: dict[str, list[str]], result: Any) -> dict[str, Any]:
        service.forget(session, entity.uid)
        runs.forget(session, found["runs"])
        return {}

    items = tuple(f"{row.environment}: {row.digest[:19]}" for row in active)
    counted = "1 deployment" if len(known) == 1 else f"{len(known)} deployments"
    history = (f"{counted} in the history, with their logs",)
    last = Act("history", "Forget deployments", old, release, forget)
    return [
        Removal(
            "deployments.active", "Deployments on their way", items, Act("active", "End deployments", open_ones, end), 5
        ),
        Removal("deployments.history", "Deployment records", history, last, 80),
    ]

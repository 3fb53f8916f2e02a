"""Taking resources away: what depends on others first, each through its driver, repeatable."""

from collections.abc import Sequence

from towpath.kit import events
from towpath.kit.errors import Unavailable
from towpath.kit.jobs import Context
from towpath.orchestrator import queries
from towpath.orchestrator.service import leases
from towpath.orchestrator.service.planning import drivers
from towpath.orchestrator.service.views import Held, held
from towpath.sdk.types import DriverContext, Want
from towpath.secrets import service as secrets
from towpath.secrets.service import SecretRef


def destroy(component_uid: str, environment: str | None, ctx: Context) -> int:
    """Destroy all resources of a component, in one environment or in all; shared ones stay while others use them.

    Called inside an act's `do`, with no session open; a repeat finds nothing. Returns how many went. Raises what a
    driver raised; what was destroyed before stays destroyed.
    """
    with ctx.read() as session:
        found = [held(row) for row in queries.of_component(session, component_uid, environment)]
    places = sorted({row.environment for row in found})
    gone = 0
    for place in places:
        here = [row for row in found if row.environment == place]
        with leases.held(ctx, leases.keys_of(component_uid, place, [row.uid for row in here])) as run_id:
            for uid in dependents_first(here):
                ctx.check()
                gone += drop(ctx, uid, component_uid, run_id)
    with ctx.write() as session:
        queries.forget_states(session, f"{component_uid}/{environment or ''}")
    return gone


def dependents_first(rows: Sequence[Held]) -> list[str]:
    """Uids so that no resource goes before one that needs it; equal ones by uid."""
    left = {row.uid: set(row.depends_on) for row in rows}
    order: list[str] = []
    while left:
        needed = set().union(*left.values())
        free = [uid for uid in sorted(left) if uid not in needed] or sorted(left)
        order += free
        for uid in free:
            del left[uid]
    return order


def drop(ctx: Context, uid: str, component_uid: str, run_id: str, *, keep_data: bool = False) -> bool:
    """Destroy one resource that the component no longer wants. Returns whether it went.

    A shared one is only given up while others use it; with `keep_data` a stateful one stays as it is.
    """
    with ctx.read() as session:
        kept = queries.get(session, uid)
        if kept is None:
            return False
        row = held(kept)
        users = {one.component_uid: one.component_ref for one in queries.users(session, [uid])}
    own = users.pop(component_uid, "")
    if keep_data and row.stateful:
        ctx.log(f"{row.type} {row.name}: kept, it holds data")
        return False
    if users:
        ctx.log(f"{row.type} {row.name}: stays for {', '.join(sorted(users.values()))}")
        with ctx.write() as session:
            queries.disuse(session, uid, component_uid)
        return False
    destroy_old(ctx, row)
    with ctx.write() as session:
        queries.remove(session, uid)
        data = {"uid": uid, "type": row.type, "environment": row.environment, "run": run_id}
        root_id = leases.root_of(session, run_id)
        events.emit(session, "resource.destroyed", own or uid, data, actor=ctx.actor.ref, root_id=root_id)
    ctx.log(f"{row.type} {row.name}: destroyed")
    return True


def destroy_old(ctx: Context, row: Held) -> None:
    """Let the driver of a row destroy what it made, then forget its state and secrets; the row itself stays.

    Raises Unavailable when the driver is not installed any more: nothing is forgotten that still exists somewhere.
    """
    driver = drivers().get(row.driver)
    if driver is None:
        hint = "install the plugin that has it, then try again"
        raise Unavailable(f"'{row.uid}' cannot be destroyed: the driver '{row.driver}' is not installed", hint=hint)
    want = Want(row.uid, row.type, row.params, row.state, row.class_)
    with ctx.read() as session:
        refs = {name: SecretRef.of(kept) for name, kept in row.secret_refs.items()}
        values = {name: secrets.resolve(session, ref) for name, ref in refs.items() if ref}
    driver.destroy(want, DriverContext(
        log=ctx.log, key=f"{ctx.key}:{row.uid}:destroy", organisation=ctx.database.name, environment=row.environment,
        given={"secrets": values}, cancelled=ctx.cancelled,
    ))  # fmt: skip
    with ctx.write() as session:
        secrets.forget(session, ctx.actor, [ref for ref in refs.values() if ref])
        kept = queries.get(session, row.uid)
        if kept is not None:
            kept.status, kept.state, kept.outputs, kept.secret_refs = "pending", {}, {}, {}

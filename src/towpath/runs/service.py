"""Use cases of runs: wish one, look at it, wait for it, cancel it, try it again."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from towpath.audit.service import audited, note
from towpath.kit import clock, db, events, ids, jobs, live, settings
from towpath.kit.actor import Actor, Role
from towpath.kit.errors import Conflict, NotFound, Unavailable
from towpath.kit.jobs import Context
from towpath.runs import queries
from towpath.runs.model import ENDED, Run, RunLog, RunStep
from towpath.sdk.types import RunView, StepView

_launch: list[Callable[[str, str, int], None]] = []


def launch_with(call: Callable[[str, str, int], None] | None) -> None:
    """Say who starts a queued run after its commit (organisation, run id, attempt); None: the next process does."""
    _launch[:] = [call] if call else []


def start(
    session: Session,
    actor: Actor,
    kind: str,
    *,
    title: str,
    subject: str,
    input: Mapping[str, Any],
    parent_id: str | None = None,
    root_id: str | None = None,
    run_id: str | None = None,
) -> RunView:
    """Queue a run in the transaction of the wish; it starts right after the commit. Input is plain JSON, no secret.

    A given `run_id` that exists already returns that run: a repeated step wishes nothing twice.
    """
    if run_id and (existing := queries.get(session, run_id)):
        return view(session, existing)
    new_id = run_id or ids.uuid7()
    row = Run(
        id=new_id, kind=kind, title=title, subject=subject, status="queued", parent_id=parent_id,
        root_id=root_id or new_id, input=dict(input), output={}, actor=_keep(actor), created_at=clock.now(),
        attempt=1, cancelling=False,
    )  # fmt: skip
    session.add(row)
    session.flush()
    events.emit(session, "run.queued", subject, {"run": new_id, "kind": kind}, actor=actor.ref, root_id=row.root_id)
    note(session, run=new_id)
    _after(session, row, begin=True)
    return view(session, row)


def _after(session: Session, row: Run, *, begin: bool = False) -> None:
    organisation, run_id, root_id, attempt = db.database(session).name, row.id, row.root_id, row.attempt

    def wake() -> None:
        live.wake(f"runs:{organisation}")
        live.wake(f"run:{run_id}")
        if root_id != run_id:
            live.wake(f"run:{root_id}")
        if begin and _launch:
            _launch[0](organisation, run_id, attempt)

    db.after_commit(session, wake)


def get(session: Session, run_id: str) -> RunView:
    """One run with its steps and results; raises NotFound."""
    return view(session, _row(session, run_id))


def several(session: Session, run_ids: Sequence[str]) -> list[RunView]:
    """Runs with their steps in the order of the ids; those that were forgotten are absent."""
    found = {run.id: run for run in _views(session, queries.several(session, run_ids))}
    return [found[run_id] for run_id in run_ids if run_id in found]


def find(
    session: Session,
    *,
    kind: str | None = None,
    subject: str | None = None,
    status: Sequence[str] | None = None,
    root_id: str | None = None,
    given: Mapping[str, str] | None = None,
    limit: int = 50,
    before: str | None = None,
) -> list[RunView]:
    """Runs newest first, with steps, and with the texts `given` in their input; page with `before` = the last id seen."""
    rows = queries.find(
        session, kind=kind, subject=subject, status=status, root_id=root_id, given=given, before=before, limit=limit
    )
    return _views(session, rows)


def tree(session: Session, root_id: str) -> list[RunView]:
    """All runs under one root, oldest first: the task, its pipeline, its deployment."""
    return list(reversed(find(session, root_id=root_id, limit=500)))


def lines(session: Session, run_id: str, step: str | None = None, after: int = 0, limit: int = 1000) -> list[RunLog]:
    """Log lines of a run in order, those with a sequence number over `after`."""
    return queries.lines(session, run_id, step=step, after=after, limit=limit)


def resume(session: Session, run_id: str) -> None:
    """Let a waiting run go on; does nothing when it is not waiting."""
    row = _row(session, run_id, lock=True)
    if row.status == "waiting":
        row.status, row.attempt = "queued", row.attempt + 1
        _after(session, row, begin=True)


@audited("runs.cancel")
def cancel(session: Session, actor: Actor, run_id: str) -> None:
    """Ask a run and what it started to stop; a step notices within a second. An ended run is a Conflict."""
    row = _row(session, run_id, lock=True)
    note(session, subject=row.subject, run=run_id, kind=row.kind)
    if row.status in ENDED:
        raise Conflict(f"this run has {row.status} already")
    _cancel(session, row)


def _cancel(session: Session, row: Run) -> None:
    # The executor ends it, also one that has not begun: what its job keeps of it, an open approval for example, has to
    # hear of it.
    row.cancelling, waited = True, row.status == "waiting"
    if waited:
        row.status, row.attempt = "queued", row.attempt + 1
    _after(session, row, begin=waited)
    for child in queries.children(session, row.id):
        if child.status not in ENDED:
            _cancel(session, child)


@audited("runs.retry")
def retry(session: Session, actor: Actor, run_id: str) -> RunView:
    """Try a failed or cancelled run again from the step that did not succeed; steps that did are not repeated.

    Except those whose result says `again: true`: what they decided may no longer hold. And those whose files are gone.
    """
    row = _row(session, run_id, lock=True)
    note(session, subject=row.subject, run=run_id, kind=row.kind)
    if row.status not in ("failed", "cancelled"):
        raise Conflict(f"this run is {row.status}", hint="only a failed or cancelled run can be tried again")
    row.status, row.attempt, row.cancelling = "queued", row.attempt + 1, False
    row.error, row.finished_at = None, None
    steps = queries.steps(session, [run_id])
    lost = _lost(steps, run_id)
    for step in steps:
        if step.status not in ("succeeded", "skipped") or _decided_anew(step) or step in lost:
            step.status, step.error, step.started_at, step.finished_at = "pending", None, None, None
            step.result = None
    if not lost and _workspace(run_id).is_dir():
        os.utime(_workspace(run_id))  # it is kept for another day
    for child in queries.children(session, run_id):
        if child.status in ("failed", "cancelled"):
            retry(session, actor, child.id)
    _after(session, row, begin=True)
    return view(session, row)


def _decided_anew(step: RunStep) -> bool:
    value = (step.result or {}).get("value")
    return isinstance(value, dict) and value.get("again") is True


def refuse_lost_files(session: Session, run_id: str) -> None:
    """Raise Unavailable when earlier steps left files on that are no longer there: to go on would publish nothing."""
    if _lost(queries.steps(session, [run_id]), run_id):
        raise Unavailable(
            "the files that earlier steps of this run made are gone", hint="retry it: they are made again"
        )


def _lost(steps: Sequence[RunStep], run_id: str) -> Sequence[RunStep]:
    """The steps from the first that left files in a workspace which is gone."""
    first = next((at for at, step in enumerate(steps) if (step.result or {}).get("files")), len(steps))
    return [] if _workspace(run_id).is_dir() else steps[first:]


def _workspace(run_id: str) -> Path:
    return settings.current().data / "runs" / run_id


def wait_for(ctx: Context, run_id: str, timeout_s: float) -> RunView:
    """Block inside an act until another run ended; raises Cancelled with this run, Unavailable after `timeout_s`."""
    deadline = clock.now().timestamp() + timeout_s
    while True:
        seen = live.count(f"run:{run_id}")
        ctx.check()
        with ctx.read() as session:
            run = get(session, run_id)
        if run.ended:
            return run
        if clock.now().timestamp() > deadline:
            raise Unavailable(f"'{run.title}' did not end within {timeout_s:.0f} s", hint=f"see /runs/{run_id}")
        with jobs.aside():
            live.wait(f"run:{run_id}", seen, 1.0)


def about(session: Session, subject: str, *, kind: str | None = None) -> list[str]:
    """Ids of ended runs in the trees about a subject, of one kind when given; a deletion is never among them."""
    rows = queries.trees_about(session, subject)
    kept = {row.root_id for row in rows if row.kind == "deletion"}
    return [row.id for row in rows if row.root_id not in kept and row.status in ENDED and kind in (None, row.kind)]


def forget(session: Session, run_ids: Sequence[str]) -> None:
    """Remove runs with their logs; their working folders go by `remove_workspaces`."""
    queries.remove(session, run_ids)


def remove_workspaces(run_ids: Sequence[str]) -> None:
    """Remove the working folders of runs from disk; a repeat is fine."""
    for run_id in run_ids:
        shutil.rmtree(_workspace(run_id), ignore_errors=True)


def view(session: Session, row: Run) -> RunView:
    """The frozen noun of a row."""
    return _views(session, [row])[0]


def _views(session: Session, rows: Sequence[Run]) -> list[RunView]:
    steps: dict[str, list[RunStep]] = {}
    for step in queries.steps(session, [row.id for row in rows]):
        steps.setdefault(step.run_id, []).append(step)
    return [_view(row, steps.get(row.id, [])) for row in rows]


def _view(row: Run, steps: Sequence[RunStep]) -> RunView:
    return RunView(
        id=row.id, kind=row.kind, title=row.title, subject=row.subject, status=row.status, root_id=row.root_id,
        parent_id=row.parent_id, input=row.input, output=row.output, error=row.error, actor=_actor(row),
        attempt=row.attempt, created_at=row.created_at, started_at=row.started_at, finished_at=row.finished_at,
        results={one.key: (one.result or {}).get("value") for one in steps if one.status == "succeeded"},
        steps=[
            StepView(one.key, one.title, one.status, one.started_at, one.finished_at, one.error) for one in steps
        ],
    )  # fmt: skip


def _row(session: Session, run_id: str, *, lock: bool = False) -> Run:
    row = queries.get(session, run_id, lock=lock)
    if row is None:
        raise NotFound(f"there is no run '{run_id}'")
    return row


def _keep(actor: Actor) -> dict[str, Any]:
    return {
        "ref": actor.ref, "role": int(actor.role), "account_id": actor.account_id, "groups": list(actor.groups),
        "organisation": actor.organisation, "display_name": actor.display_name,
    }  # fmt: skip


def _actor(row: Run) -> Actor:
    kept = row.actor
    return Actor(
        ref=kept["ref"], organisation=kept["organisation"], role=Role(kept["role"]), account_id=kept["account_id"],
        groups=tuple(kept["groups"]), display_name=kept["display_name"], via="run", run_id=row.id,
    )  # fmt: skip

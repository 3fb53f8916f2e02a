"""Deleting an entity with all its traces: one step per removal of the other capabilities, the entity itself last.

The run's input keeps only ids of removals; each step looks its removal up again, so that a run resumed by another process
finds the same work, and one whose work is done finds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from towpath.catalog import service
from towpath.kit.db import Session
from towpath.kit.errors import Conflict
from towpath.sdk.types import Act, Context, Fact, Job, RunView, Step


@dataclass(frozen=True)
class _Found:
    """The step of a removal and what its `prepare` gave; no step when there is nothing left to remove."""

    step: Step | None
    data: Any = None


def steps(run: RunView) -> Sequence[Step]:
    """The removals named in the run's input, then the entity."""
    return [*(_removal(one["id"], one["title"]) for one in run.input["removals"]), ENTITY]


def _removal(removal_id: str, title: str) -> Act:
    def prepare(session: Session, run: RunView) -> _Found:
        entity = service.find(session, run.input["ref"])
        if entity is None or entity.uid != run.input["uid"]:
            return _Found(None)
        removal = next((one for one in service.removals(session, entity) if one.id == removal_id), None)
        if removal is not None and removal.blocked:  # since the deletion was asked for
            raise Conflict(removal.blocked)
        step = removal.step if removal else None
        return _Found(step, step.prepare(session, run) if isinstance(step, Act) else None)

    def do(found: _Found, ctx: Context) -> Any:
        if found.step is None:
            ctx.log("Nothing is left to remove here")
        return found.step.do(found.data, ctx) if isinstance(found.step, Act) else None

    def settle(session: Session, run: RunView, found: _Found, result: Any) -> Any:
        if isinstance(found.step, Act):
            return found.step.settle(session, run, found.data, result)
        return found.step.do(session, run) if isinstance(found.step, Fact) else {}

    return Act(removal_id, title, prepare, do, settle)


def _remove(session: Session, run: RunView) -> dict[str, str]:
    entity = service.find(session, run.input["ref"])
    if entity is not None and entity.uid == run.input["uid"]:  # another entity may have taken the name meanwhile
        service.remove(session, run.actor, entity.ref, root_id=run.root_id)
    return {"removed": run.input["ref"]}


ENTITY = Fact("entity", "Remove from the catalog", _remove)
DELETION = Job("deletion", steps)

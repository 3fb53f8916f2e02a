"""A task as the peer's clients read it: its state, and its log as numbered events."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.kit import clock
from towpath.kit.db import Session
from towpath.runs import service as runs
from towpath.sdk.types import RunView

STATES = {
    "queued": "open",
    "running": "processing",
    "waiting": "processing",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
_STEP_STATES = {"Beginning step ": "processing", "Finished step ": "completed", "Skipping step ": "skipped"}
PAGE = 2000
LAST = 10_000_000
"""Events made from the run itself come after every line of its log: their ids start here."""


def shown(run: RunView) -> dict[str, Any]:
    """`{id, spec, status, createdAt, createdBy, lastHeartbeatAt?}`; the spec is the pinned one, secrets are names only."""
    template = run.input["template"]
    return {
        "id": run.id,
        "spec": {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "parameters": run.input["parameters"],
            "steps": template["spec"]["steps"],
            "output": template["spec"].get("output") or {},
            "user": run.input["user"],
            "templateInfo": {"entityRef": template["ref"], "entity": {"metadata": {"title": template["title"]}}},
        },
        "status": STATES[run.status],
        "createdAt": clock.iso(run.created_at),
        "createdBy": run.actor.ref,
        **({"lastHeartbeatAt": clock.iso(run.started_at)} if run.started_at else {}),
    }


def after(session: Session, run_id: str, seen: int) -> tuple[list[dict[str, Any]], bool]:
    """Events with an id over `seen`, and whether they close the task: nothing comes after its `completion`."""
    run = runs.get(session, run_id)
    lines = runs.lines(session, run_id, after=seen, limit=PAGE) if seen < LAST else []
    found = [
        _event(
            run, line.seq, "log", clock.iso(line.at), {"message": line.text, "stepId": line.step, **_state(line.text)}
        )
        for line in lines
    ]
    if not run.ended or len(lines) == PAGE:
        return found, False
    return found + [one for one in _endings(run) if one["id"] > seen], True


def _state(text: str) -> dict[str, str]:
    return next(({"status": state} for start, state in _STEP_STATES.items() if text.startswith(start)), {})


def _endings(run: RunView) -> Sequence[dict[str, Any]]:
    at = clock.iso(run.finished_at or run.created_at)
    state = STATES[run.status]
    found = [
        _event(run, LAST + number, "log", at, {"message": one.error or state, "stepId": one.key, "status": one.status})
        for number, one in enumerate(run.steps)
        if one.status in ("failed", "cancelled")
    ]
    if run.status == "cancelled":
        found.append(
            _event(run, LAST + 8_000, "cancelled", at, {"message": "Task has been cancelled", "status": state})
        )
    body: dict[str, Any] = {"message": f"Run completed with status: {state}", "status": state, "output": run.output}
    if run.error:
        body["error"] = {"name": "Error", "message": run.error.get("message", "")}
    return [*found, _event(run, LAST + 9_000, "completion", at, body)]


def _event(run: RunView, number: int, type_: str, at: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "taskId": run.id,
        "type": type_,
        "createdAt": at,
        "body": dict(body),
        "isTaskRecoverable": run.status == "failed",
    }

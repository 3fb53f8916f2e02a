"""Backstage's scaffolder API, unchanged for its clients."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from towpath.golden_paths import service, task_events
from towpath.kit import db, live
from towpath.kit.web import Place, Reading, Writing, database_of, last_event, permit

router = APIRouter(prefix="/api/scaffolder/v2", tags=["scaffolder"])
KEEP_ALIVE_S, POLL_S, LONG_POLL_S, STREAM_S = 15.0, 1.0, 30.0, 60.0
READ, CREATE = "golden_paths.read", "golden_paths.create"


class StartIn(BaseModel):
    """The wish to walk a path."""

    templateRef: str  # noqa: N815 (the peer's name)
    values: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict, repr=False)


class RetryIn(BaseModel):
    """Secrets to replace before the next try."""

    secrets: dict[str, str] = Field(default_factory=dict, repr=False)


class Started(BaseModel):
    """The id of a task."""

    id: str


@router.get("/templates/{namespace}/{kind}/{name}/parameter-schema", dependencies=[permit(READ)])
def parameter_schema(unit: Reading, namespace: str, kind: str, name: str) -> dict[str, Any]:
    """The pages of a template's form."""
    return service.schema(unit.session, f"{kind}:{namespace}/{name}")


@router.get("/actions", dependencies=[permit(READ)])
def actions() -> list[dict[str, Any]]:
    """Every action of this install with the JSON schemas of its input and output, by id."""
    return [
        {
            "id": one.id,
            "description": one.description,
            "examples": [],
            "schema": {"input": one.takes.model_json_schema(), "output": one.gives.model_json_schema()},
        }
        for one in service.actions().values()
    ]


@router.post("/tasks", status_code=201, response_model=Started, dependencies=[permit(CREATE)])
def start(unit: Writing, body: StartIn) -> Any:
    """Walk a path; 400 with every complaint about the answers in the shape of npm's `jsonschema`."""
    if wrong := service.complaints(unit.session, body.templateRef, body.values, body.secrets):
        return JSONResponse({"errors": wrong}, status_code=400)
    run = service.start(unit.session, unit.actor, body.templateRef, body.values, body.secrets)
    return Started(id=run.id)


@router.get("/tasks", dependencies=[permit(READ)])
def tasks(
    unit: Reading,
    *,
    created_by: Annotated[list[str] | None, Query(alias="createdBy")] = None,
    status: Annotated[list[str] | None, Query()] = None,
    order: str = "desc:created_at",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Place = 0,
) -> dict[str, Any]:
    """Tasks by the time of their start, and how many there are in all."""
    wanted = [ours for ours, theirs in task_events.STATES.items() if theirs in (status or ())]
    found, total = service.tasks(
        unit.session,
        created_by=created_by,
        status=wanted if status else None,
        newest_first=not order.startswith("asc"),
        limit=limit,
        offset=offset,
    )
    return {"tasks": [task_events.shown(run) for run in found], "totalTasks": total}


@router.get("/tasks/{task_id}", dependencies=[permit(READ)])
def task(unit: Reading, task_id: str) -> dict[str, Any]:
    """One task with its pinned spec."""
    return task_events.shown(service.task(unit.session, task_id))


@router.post("/tasks/{task_id}/cancel", dependencies=[permit("runs.cancel")])
def cancel(unit: Writing, task_id: str) -> dict[str, str]:
    """Stop a task and what it started; 409 when it ended already."""
    service.cancel(unit.session, unit.actor, task_id)
    return {"status": "cancelled"}


@router.post("/tasks/{task_id}/retry", status_code=201, dependencies=[permit("runs.retry")])
def retry(unit: Writing, task_id: str, body: RetryIn | None = None) -> Started:
    """Try again from the step that did not succeed; 409 while the task runs or after it succeeded."""
    run = service.retry(unit.session, unit.actor, task_id, body.secrets if body else {})
    return Started(id=run.id)


@router.get("/tasks/{task_id}/eventstream", dependencies=[permit(READ)])
async def eventstream(request: Request, task_id: str, after: Place = 0) -> StreamingResponse:
    """The task's events as they happen (SSE), until its completion; `after` or Last-Event-ID continues."""
    ref = database_of(request)
    await to_thread.run_sync(_exists, ref, task_id)
    last = last_event(request)
    events = _stream(request, ref, task_id, max(after, int(last) if last.isdecimal() and len(last) < 16 else 0))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/tasks/{task_id}/events", dependencies=[permit(READ)])
async def events(request: Request, task_id: str, after: Place = 0) -> Response:
    """The task's events after one; waits up to 30 s for the next, then answers an empty list."""
    ref = database_of(request)
    await to_thread.run_sync(_exists, ref, task_id)
    end = time.monotonic() + LONG_POLL_S
    async with live.Listener(f"run:{task_id}") as listener:
        while True:
            found, closed = await to_thread.run_sync(_look, ref, task_id, after)
            left_s = end - time.monotonic()
            if found or closed or left_s <= 0 or await request.is_disconnected():
                return Response(orjson.dumps(found), media_type="application/json")
            await listener.wait(min(left_s, _pause_s(ref)))


async def _stream(request: Request, ref: db.DatabaseRef, task_id: str, seen: int) -> AsyncIterator[bytes]:
    end = time.monotonic() + STREAM_S
    async with live.Listener(f"run:{task_id}") as listener:
        while True:
            found, closed = await to_thread.run_sync(_look, ref, task_id, seen)
            for one in found:
                seen = one["id"]
                yield f"event: {one['type']}\nid: {seen}\ndata: ".encode() + orjson.dumps(one) + b"\n\n"
            if closed or time.monotonic() > end or await request.is_disconnected():
                return  # a client comes back with the last id, and its permission is checked again
            if not found and not await listener.wait(_pause_s(ref)):
                yield b": still here\n\n"


def _exists(ref: db.DatabaseRef, task_id: str) -> None:
    with db.read(ref) as session:
        service.task(session, task_id)


def _look(ref: db.DatabaseRef, task_id: str, seen: int) -> tuple[list[dict[str, Any]], bool]:
    with db.read(ref) as session:
        return task_events.after(session, task_id, seen)


def _pause_s(ref: db.DatabaseRef) -> float:
    """A wake-up of another replica may be lost: on PostgreSQL the stream also looks once a second."""
    return POLL_S if ref.schema else KEEP_ALIVE_S

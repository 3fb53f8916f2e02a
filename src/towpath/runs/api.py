"""REST of runs, and their live stream."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import orjson
from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from towpath.kit import clock, db, live
from towpath.kit.actor import Actor
from towpath.kit.web import Count, Place, Reading, Writing, actor_of, database_of, last_event, permit
from towpath.runs import service
from towpath.sdk.types import RunView

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])
KEEP_ALIVE_S, RECHECK_S, POLL_S, PAUSE_S = 15.0, 60.0, 1.0, 0.5
LINES = 2000
"""Lines of one run that one look gives at most."""


class StepOut(BaseModel):
    """One step of a run."""

    model_config = ConfigDict(from_attributes=True)
    key: str
    title: str
    status: str
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


class RunOut(BaseModel):
    """A run as the API shows it; inputs and step results stay inside."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    kind: str
    title: str
    subject: str
    status: str
    root_id: str
    parent_id: str | None
    attempt: int
    output: dict[str, Any]
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: list[StepOut]


class LogLine(BaseModel):
    """One line of a run's log."""

    model_config = ConfigDict(from_attributes=True)
    run_id: str
    seq: int
    step: str
    at: datetime
    text: str


@router.get("", dependencies=[permit("runs.read")])
def find(
    unit: Reading,
    kind: str | None = None,
    subject: str | None = None,
    status: str | None = None,
    root_id: str | None = None,
    before: str | None = None,
    limit: Count = 50,
) -> list[RunOut]:
    """Runs newest first, at most 200 a page; continue with `before` = the last id."""
    wanted = status.split(",") if status else None
    found = service.find(
        unit.session, kind=kind, subject=subject, status=wanted, root_id=root_id, before=before, limit=min(limit, 200)
    )
    return [RunOut.model_validate(one) for one in found]


@router.get("/{run_id}", dependencies=[permit("runs.read")])
def get(unit: Reading, run_id: str) -> RunOut:
    """One run with its steps."""
    return RunOut.model_validate(service.get(unit.session, run_id))


@router.get("/{run_id}/log", dependencies=[permit("runs.read")])
def log(unit: Reading, run_id: str, step: str | None = None, after: Place = 0, limit: Count = 1000) -> list[LogLine]:
    """Log lines in order; continue with `after` = the last `seq`."""
    service.get(unit.session, run_id)
    found = service.lines(unit.session, run_id, step, after, min(limit, 5000))
    return [LogLine.model_validate(one) for one in found]


@router.post("/{run_id}/cancel", status_code=202, dependencies=[permit("runs.cancel")])
def cancel(unit: Writing, run_id: str) -> RunOut:
    """Ask a run and what it started to stop."""
    service.cancel(unit.session, unit.actor, run_id)
    return RunOut.model_validate(service.get(unit.session, run_id))


@router.post("/{run_id}/retry", status_code=202, dependencies=[permit("runs.retry")])
def retry(unit: Writing, run_id: str) -> RunOut:
    """Try again from the step that did not succeed."""
    return RunOut.model_validate(service.retry(unit.session, unit.actor, run_id))


@router.get("/{run_id}/stream", dependencies=[permit("runs.read")])
async def stream(request: Request, run_id: str) -> StreamingResponse:
    """Server-sent events of a whole tree of runs: `log` lines, `run` changes, and `end` when its root ended."""
    return await follow(request, run_id)


Changes = Callable[[list[RunView]], list[tuple[str, Any]]]


async def follow(request: Request, run_id: str, extra: Changes | None = None) -> StreamingResponse:
    """The stream behind `/stream` and the run page; `extra` adds events of its own whenever a run changed.

    Raises NotFound before anything is sent: a stream that began cannot say 404 any more.
    """
    actor, ref = actor_of(request), database_of(request)
    await to_thread.run_sync(_exists, ref, run_id)
    seen = _positions(last_event(request))
    events = _Follow(ref, actor, run_id, seen, extra)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events.stream(request), media_type="text/event-stream", headers=headers)


def _exists(ref: db.DatabaseRef, run_id: str) -> None:
    with db.read(ref) as session:
        service.get(session, run_id)


def _positions(text: str) -> dict[str, int]:
    pairs = (part.partition(":") for part in text.split(",") if ":" in part)
    return {run: int(seq) for run, _, seq in pairs if _whole(seq)}


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


class _Follow:
    """Follows one tree of runs; opens one short session a look and holds none while it waits."""

    def __init__(
        self, ref: db.DatabaseRef, actor: Actor, run_id: str, seen: dict[str, int], extra: Changes | None
    ) -> None:
        self.ref, self.actor, self.run_id, self.seen, self.added = ref, actor, run_id, seen, extra
        self.state: dict[str, Any] = {}
        self.poll = POLL_S if ref.schema else KEEP_ALIVE_S

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        checked = clock.now()
        async with live.Listener(f"run:{self.run_id}") as listener:
            while True:
                chunks, ended, more = await to_thread.run_sync(self._look)
                for chunk in chunks:
                    yield chunk
                if ended and not more:
                    yield _event("end", {})
                    return
                if not more and not await listener.wait(self.poll):
                    yield b": still here\n\n"
                else:
                    await asyncio.sleep(0.05)  # several wake-ups of one moment are one look
                if (clock.now() - checked).total_seconds() > RECHECK_S or await request.is_disconnected():
                    return  # the browser comes back at once, and its permission is checked again

    def _look(self) -> tuple[list[bytes], bool, bool]:
        """What is new, whether every run has ended, and whether there are more lines than one look gives."""
        with db.read(self.ref) as session:
            asked = service.get(session, self.run_id)
            runs = service.tree(session, asked.root_id) if asked.root_id == asked.id else [asked]
            chunks, more = [], False
            for run in runs:
                found = service.lines(session, run.id, after=self.seen.get(run.id, 0), limit=LINES)
                more = more or len(found) == LINES
                for line in found:
                    self.seen[run.id] = line.seq
                    data = {
                        "id": f"{run.id}:{line.seq}", "run": run.id, "step": f"{run.kind}/{line.step}",
                        "at": clock.iso(line.at), "stream": "out", "text": line.text,
                    }  # fmt: skip
                    chunks.append(_event("log", data, ",".join(f"{one}:{seq}" for one, seq in self.seen.items())))
        changed = {run.id: [run.status, [asdict(step) for step in run.steps]] for run in runs}
        if changed != self.state:
            self.state = changed
            chunks += [_event("run", RunOut.model_validate(run).model_dump(mode="json")) for run in runs]
            chunks += [_event(name, data) for name, data in (self.added(runs) if self.added else [])]
        return chunks, asked.ended and all(run.ended for run in runs), more


def changes(request: Request) -> StreamingResponse:
    """The stream behind pages of many runs: `changed` whenever one of the newest began, moved or ended."""
    found = _changes(request, database_of(request), last_event(request))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(found, media_type="text/event-stream", headers=headers)


async def _changes(request: Request, ref: db.DatabaseRef, seen: str) -> AsyncIterator[bytes]:
    # The state's digest is the event's id: who comes back after a pause hears of what changed meanwhile.
    until, poll = clock.now() + timedelta(seconds=RECHECK_S), POLL_S if ref.schema else KEEP_ALIVE_S
    async with live.Listener(f"runs:{ref.name}") as listener:
        while clock.now() < until and not await request.is_disconnected():
            state = await to_thread.run_sync(_newest, ref)
            if state != seen:
                yield _event("changed", {}, state) if seen else f"id: {state}\n\n".encode()
                seen = state
            if await listener.wait(poll):
                await asyncio.sleep(PAUSE_S)
            else:
                yield b": still here\n\n"


def _newest(ref: db.DatabaseRef) -> str:
    with db.read(ref) as session:
        found = [(one.id, one.status, [step.status for step in one.steps]) for one in service.find(session, limit=20)]
    return f"{zlib.crc32(repr(found).encode()):x}"


def _event(name: str, data: Any, id_: str | None = None) -> bytes:
    head = f"event: {name}\n" + (f"id: {id_}\n" if id_ else "")
    return head.encode() + b"data: " + orjson.dumps(data) + b"\n\n"

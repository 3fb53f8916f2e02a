"""REST of what runs: status, logs, and the live log. Everything is found by the actor's own organisation."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from towpath.kit.web import Count, actor_of, last_event, permit
from towpath.runtimes import service

router = APIRouter(prefix="/api/v1/runtimes", tags=["runtimes"])
POLL_S, KEEP_ALIVE_S = 0.3, 15.0
STREAM_S = 60.0
"""Seconds a stream lasts: the browser comes back with its place, and its permission is checked again."""


class Status(BaseModel):
    """How a service does; `state` is healthy, starting, degraded, crash loop or stopped."""

    logical: str
    state: str
    why: str
    urls: list[str]
    pid: int | None
    port: int | None
    release: str | None
    since: str | None
    restarts: int
    replacing: str


class Log(BaseModel):
    """Lines of one release's log, and the place after them."""

    release: str
    offset: int
    lines: list[str]


@router.get("/{component}/{environment}/status", dependencies=[permit("runtimes.read")])
def status(request: Request, component: str, environment: str) -> Status:
    """How a component's service does in an environment."""
    logical = service.find(actor_of(request).organisation, component, environment)
    return Status.model_validate(service.status(logical))


@router.get("/{component}/{environment}/logs", dependencies=[permit("runtimes.logs")])
def logs(request: Request, component: str, environment: str, lines: Count = 200) -> Log:
    """The last lines a service printed, at most 5,000."""
    piece = service.logs_of(service.find(actor_of(request).organisation, component, environment), lines)
    return Log(release=piece.release, offset=piece.offset, lines=piece.lines)


@router.get("/{component}/{environment}/stream", dependencies=[permit("runtimes.logs")])
async def stream(request: Request, component: str, environment: str) -> StreamingResponse:
    """Server-sent events `log` {id, step, at, text}: the last lines, then what comes, from `Last-Event-ID` on."""
    organisation = actor_of(request).organisation
    logical = await to_thread.run_sync(service.find, organisation, component, environment)
    release, _, offset = last_event(request).rpartition(":")
    place = (release, int(offset)) if release and offset.isdecimal() and len(offset) < 16 else None
    return StreamingResponse(
        _follow(request, logical, place), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _follow(request: Request, logical: str, place: tuple[str, int] | None) -> AsyncIterator[bytes]:
    until, said = time.monotonic() + STREAM_S, time.monotonic()
    yield b"retry: 500\n\n"
    if place is None:
        piece = await to_thread.run_sync(service.logs_of, logical)
    else:
        piece = await to_thread.run_sync(service.follow, logical, *place)
    while time.monotonic() < until and not await request.is_disconnected():
        if piece.lines:
            said = time.monotonic()
            yield _event(piece)
        elif time.monotonic() - said > KEEP_ALIVE_S:
            said = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(POLL_S)
        piece = await to_thread.run_sync(service.follow, logical, piece.release, piece.offset)


def _event(piece: service.Piece) -> bytes:
    # Only the last line of a piece carries the place to go on from: a piece is whole or comes again.
    last = len(piece.lines) - 1
    parts = []
    for number, line in enumerate(piece.lines):
        at, text = service.told(line)
        data: dict[str, Any] = {"id": f"{piece.release}:{piece.offset}:{number}", "step": "", "at": at, "text": text}
        place = f"id: {piece.release}:{piece.offset}\n".encode() if number == last else b""
        parts.append(place + b"event: log\ndata: " + orjson.dumps(data) + b"\n\n")
    return b"".join(parts)

"""Smart HTTP: git's own backend behind our sign-in, streamed both ways. Authorises in a short session, then holds none."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from anyio import CancelScope, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from towpath.kit import db
from towpath.kit.actor import Actor
from towpath.kit.errors import NotFound, Unavailable
from towpath.kit.web import actor_of, database_of, permit
from towpath.repositories import git, service

log = logging.getLogger(__name__)
router = APIRouter(prefix="/git", tags=["git"])
CHUNK = 65_536
END_S = 30.0
"""Seconds that git may take to end after its last words, or after a pusher went away."""


@router.get("/{name}.git/{path:path}", dependencies=[permit("repositories.read")])
async def fetch(request: Request, name: str, path: str) -> StreamingResponse:
    """Clone and fetch, and the first half of a push."""
    return await _backend(request, name, path, pushes=request.query_params.get("service") == "git-receive-pack")


@router.post("/{name}.git/{path:path}", dependencies=[permit("repositories.read")])
async def post(request: Request, name: str, path: str) -> StreamingResponse:
    """Negotiation and pushes; a push is recorded when git has ended."""
    if path not in ("git-receive-pack", "git-upload-pack"):
        raise NotFound("git has no such service")
    return await _backend(request, name, path, pushes=path == "git-receive-pack")


async def _backend(request: Request, name: str, path: str, *, pushes: bool) -> StreamingResponse:
    uid = await to_thread.run_sync(_uid, database_of(request), actor_of(request), name, pushes)
    folder = service.folder(uid)
    command, environment = git.http_backend(folder.parent)
    headers = request.headers
    environment |= {
        "PATH_INFO": f"/{folder.name}/{path}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "REMOTE_USER": actor_of(request).ref,
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
    }
    if length := headers.get("content-length"):
        environment["CONTENT_LENGTH"] = length
    process = await _start(command, environment)
    feeder = asyncio.create_task(_feed(request, process))
    try:
        status, answer = await _head(process)
    except BaseException:
        with CancelScope(shield=True):
            await _end(process, feeder, wait_s=0.0)
        raise
    return StreamingResponse(_body(request, process, feeder, uid, path), status, answer)


async def _start(command: Sequence[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """The backend in a session of its own: it hands its pipes to children, which end with it."""
    return await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _uid(database: db.DatabaseRef, actor: Actor, name: str, pushes: bool) -> str:
    with db.read(database) as session:
        found = service.named(session, name)
        if pushes:
            service.require_push(session, actor, found)
        return found.uid


async def _feed(request: Request, process: asyncio.subprocess.Process) -> None:
    stdin = process.stdin
    if stdin is None:
        return
    try:
        async for chunk in request.stream():
            stdin.write(chunk)
            await stdin.drain()
    except (ConnectionError, ClientDisconnect):
        log.info("git or the client ended before everything was sent")
    finally:
        stdin.close()


async def _head(process: asyncio.subprocess.Process) -> tuple[int, dict[str, str]]:
    """The CGI head of git's answer."""
    status, headers = 200, {}
    if process.stdout is None:
        raise Unavailable("git did not start", hint="run 'towpath doctor'")
    while line := (await process.stdout.readline()).decode(errors="replace").strip():
        key, _, value = line.partition(":")
        if key.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[key] = value.strip()
    return status, headers


async def _body(
    request: Request, process: asyncio.subprocess.Process, feeder: "asyncio.Task[None]", uid: str, path: str
) -> AsyncIterator[bytes]:
    pushes, whole = path == "git-receive-pack", False
    try:
        while process.stdout is not None and (chunk := await process.stdout.read(CHUNK)):
            yield chunk
        whole = True
    finally:
        # A client that goes away cancels each await from here on: git would wait for its reader for ever, unrecorded.
        with CancelScope(shield=True):
            await _end(process, feeder, wait_s=END_S if whole or pushes else 0.0)
            if pushes:
                await to_thread.run_sync(_record, database_of(request), actor_of(request), uid)


async def _end(process: asyncio.subprocess.Process, feeder: "asyncio.Task[None]", wait_s: float) -> None:
    """Let git finish, its output read and thrown away, or kill it with its children once `wait_s` are over."""
    feeder.cancel()
    try:
        await asyncio.wait_for(process.communicate(), wait_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


def _record(database: db.DatabaseRef, actor: Actor, uid: str) -> None:
    # The door has checked the scope of the token; what follows from a push is the whole actor's.
    service.record_refs(database, replace(actor, scopes=()), uid)

"""The first thing every request meets: who is it, may the browser have sent it, and the headers of every reply."""

import base64
import binascii
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath.kit import db, ids
from towpath.kit.actor import Actor, nobody
from towpath.kit.errors import Forbidden, TowpathError, Unauthenticated

COOKIE = "towpath_session"
SAFE = ("GET", "HEAD", "OPTIONS")
FORM_LIMIT = 1_000_000


class Identity:
    """ASGI middleware. `by_cookie`, `by_token` find the actor, `database` its organisation's database,
    `refuse(scope, error)` the reply of a refused request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        by_cookie: Callable[[str, str], Actor],
        by_token: Callable[[str, str], Actor],
        database: Callable[[str], db.DatabaseRef],
        refuse: Callable[[Scope, TowpathError], ASGIApp],
        policy: str,
    ) -> None:
        self.app, self.by_cookie, self.by_token = app, by_cookie, by_token
        self.database, self.refuse, self.policy = database, refuse, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self.app(scope, receive, send)
            return
        db.begin_request()
        state = scope.setdefault("state", {})
        state["request_id"] = ids.uuid7()
        state.update(actor=nobody(), database=None, csrf="")
        send = self._with_headers(send, state["request_id"])
        try:
            actor = await to_thread.run_sync(self._actor, HTTPConnection(scope), state["request_id"])
            state["actor"], state["csrf"] = actor, actor.csrf
            state["database"] = self.database(actor.organisation) if actor.ref else None
            if scope["method"] not in SAFE and actor.via not in ("token", "operator"):
                receive = await _checked(scope, receive, actor.csrf)
        except TowpathError as error:
            await self.refuse(scope, error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _actor(self, connection: HTTPConnection, request_id: str) -> Actor:
        scheme, _, value = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and value:
            return self.by_token(value.strip(), request_id)
        if scheme.lower() == "basic" and value:
            return self.by_token(_password(value), request_id)
        cookie = connection.cookies.get(COOKIE)
        return self.by_cookie(cookie, request_id) if cookie else nobody()

    def _with_headers(self, send: Send, request_id: str) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self.policy)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("X-Frame-Options", "DENY")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Request-Id"] = request_id
            await send(message)

        return with_headers


def _password(value: str) -> str:
    """Git sends a token as the password of Basic; the name may be anything."""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def _checked(scope: Scope, receive: Receive, csrf: str) -> Receive:
    """Raise Forbidden unless an unsafe request comes from our own page, Unauthenticated when it comes from nobody at all.

    Gives back a `receive` with the body unread.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin") or headers.get("referer") or ""
    if not origin and not csrf:
        raise Unauthenticated("nobody is signed in", hint="send an API token as 'Authorization: Bearer …'")
    if not origin or urlsplit(origin).netloc != headers.get("host"):
        raise Forbidden("this request did not come from a page of this portal", hint="reload the page and try again")
    if not csrf:  # nobody is signed in: only the sign-in page has such a form, and Origin guards it
        return receive
    if headers.get("x-csrf-token") == csrf:
        return receive
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = await _body(receive)
        if parse_qs(body.decode(errors="replace")).get("csrf_token", [""])[0] == csrf:
            return _replay(body, receive)
    raise Forbidden("the form is out of date", hint="reload the page and try again")


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and message["type"] == "http.request"
        if len(body) > FORM_LIMIT:
            raise Forbidden("the form is larger than 1 MB", hint="send less")
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

"""The web entrance: portal pages, REST and streams of every capability in one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Scope

from towpath import __version__
from towpath.identity import service as identity
from towpath.identity.middleware import Identity
from towpath.kit.errors import Invalid, NotFound, Problem, TowpathError, Unauthenticated
from towpath.kit.web import actor_of, permit
from towpath.organisations import service as organisations
from towpath.platform import Platform
from towpath.sdk import plugins
from towpath.ui import service as ui

PEER_PATHS = ("/api/catalog", "/api/scaffolder", "/api/techdocs", "/api/search")
PEER_NAMES = {
    400: "InputError", 401: "AuthenticationError", 403: "NotAllowedError", 404: "NotFoundError", 409: "ConflictError",
    503: "ServiceUnavailableError",
}  # fmt: skip


def create_app(platform: Platform) -> FastAPI:
    """The application over a prepared platform; serving it starts the platform, ending it stops it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = 120
        await to_thread.run_sync(platform.start, app)
        yield
        await to_thread.run_sync(platform.stop)

    app = FastAPI(
        title="Towpath", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    app.state.platform = platform
    app.state.navigation = _navigation
    app.state.banner = platform.banner
    app.state.organisation_title = platform.organisation_title
    for folder in plugins.collect(plugins.call().template_folders()):
        ui.register_templates(folder)
    _health(app, platform)
    for router in plugins.collect(plugins.call().routers()):
        app.include_router(router)
    app.mount("/static", ui.static_files())
    app.add_exception_handler(TowpathError, refusal)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _unreadable)  # type: ignore[arg-type]
    app.add_exception_handler(UnicodeEncodeError, _unkept)  # type: ignore[arg-type]
    app.add_exception_handler(404, _unknown)
    app.add_exception_handler(405, _unknown)
    app.add_exception_handler(StarletteHTTPException, _refused)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _fault)
    app.add_middleware(
        Identity,
        by_cookie=identity.by_cookie,
        by_token=identity.by_token,
        database=organisations.database,
        refuse=_refuse,
        policy=ui.content_security_policy(),
    )
    return app


def _health(app: FastAPI, platform: Platform) -> None:
    @app.get("/healthz", dependencies=[permit(None)], tags=["health"])
    def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", dependencies=[permit(None)], tags=["health"])
    def readyz() -> Response:
        """Databases answer and engines are up: 200, else 503 with what is missing."""
        missing = platform.missing()
        state = {"status": "unavailable", "missing": missing} if missing else {"status": "ok"}
        return JSONResponse(state, 503 if missing else 200)


def _navigation(request: Request) -> list[Any]:
    actor = actor_of(request)
    items = plugins.collect(plugins.call().navigation())
    return sorted((one for one in items if actor.can(one.permission)), key=lambda one: one.order)


# ── errors: the one translator of each kind of door ───────────────────────────────────────────────────────────────────
def refusal(request: Request, error: TowpathError) -> Response:
    """An error as its door shows it: RFC 9457, the peer's envelope, or a page or fragment for people."""
    path = request.url.path
    if path.startswith(PEER_PATHS):
        return JSONResponse(_envelope(request, error), error.status)
    if path.startswith("/api/"):
        return JSONResponse(_problem(request, error), error.status, media_type="application/problem+json")
    if path.startswith("/git/"):
        challenge = {"WWW-Authenticate": 'Basic realm="Towpath"'} if error.status == 401 else {}
        return Response(f"{error}\n", error.status, challenge, media_type="text/plain")
    if isinstance(error, Unauthenticated) and request.method == "GET" and "hx-request" not in request.headers:
        return RedirectResponse(f"/sign-in?next={path}", 303)
    details = [str(problem) for problem in error.problems]
    return ui.notice(request, error.status, error.message, error.hint, details)


def _refuse(scope: Scope, error: TowpathError) -> ASGIApp:
    return refusal(Request(scope), error)


def _problem(request: Request, error: TowpathError) -> dict[str, Any]:
    return {
        "type": "about:blank", "title": error.title, "status": error.status, "detail": error.message,
        "instance": request.url.path, "hint": error.hint or error.otherwise,
        "errors": [one.as_dict() for one in error.problems],
    }  # fmt: skip


def _envelope(request: Request, error: TowpathError) -> dict[str, Any]:
    """The peer's error envelope (@backstage/errors)."""
    message = "; ".join([error.message, *(str(one) for one in error.problems)])
    return {
        "error": {"name": PEER_NAMES.get(error.status, "Error"), "message": message},
        "request": {"method": request.method, "url": request.url.path},
        "response": {"statusCode": error.status},
    }


def _unreadable(request: Request, error: RequestValidationError) -> Response:
    problems = [
        Problem(
            "", path=".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]), expected=one["msg"],
            found=repr(one.get("input"))[:80],
        )
        for one in error.errors()
    ]  # fmt: skip
    return refusal(request, Invalid("the request cannot be read", hint="see /api/v1/openapi.json", problems=problems))


def _refused(request: Request, error: StarletteHTTPException) -> Response:
    """What the framework itself refuses: a body that is no JSON, a form of too many fields."""
    wrong = Invalid(error.detail, hint="send a body that the content type describes, in UTF-8")
    wrong.status = error.status_code
    return refusal(request, wrong)


def _unkept(request: Request, error: UnicodeEncodeError) -> Response:
    """JSON may spell half a character, which no database and no file keeps."""
    found = f"{error.object[error.start : error.end]!a} at character {error.start + 1}"
    return refusal(request, Invalid(f"the text holds half a character: {found}", hint="send whole characters"))


def _unknown(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        wrong = Invalid(f"{request.method} is not possible here")
        wrong.status = 405
        return refusal(request, wrong)
    return refusal(request, NotFound("there is nothing at this address", hint="start again at /"))


def _fault(request: Request, error: Exception) -> Response:
    del error  # the server's log has it; the reply names the request only
    wrong = TowpathError("the platform failed at this", hint=f"its log has more about {request.state.request_id}")
    return refusal(request, wrong)

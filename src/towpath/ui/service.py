"""Renders pages and fragments: Jinja2, autoescape, StrictUndefined; templates come from every capability's `html` folder."""

import functools
import mimetypes
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from towpath.kit import clock
from towpath.ui import format as formats

HERE = Path(__file__).parent
STATIC = HERE / "static"
_folders: list[str] = [str(HERE / "html")]


def register_templates(folder: str) -> None:
    """Add a capability's template folder; it holds one folder named like the capability."""
    if folder not in _folders:
        _folders.append(folder)
        environment.cache_clear()


@functools.cache
def environment() -> Environment:
    """The Jinja environment over all registered folders."""
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in _folders]),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    names = "relative exact duration short size name_of path_of sentence spaced initials"
    for name in names.split():
        made.filters[name] = getattr(formats, name)
    made.filters["iso"] = clock.iso
    made.filters["json"] = as_json
    made.globals.update(icon=icon, asset=asset, between=formats.between, now=clock.now)
    return made


def as_json(value: Any) -> Markup:
    """JSON that is safe inside `<script type="application/json">`."""
    text = orjson.dumps(value, default=_jsonable).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 (escaped here)


def _jsonable(value: Any) -> Any:
    return clock.iso(value) if isinstance(value, datetime) else dict(value)


@functools.cache
def _icons() -> dict[str, str]:
    path = STATIC / "icons.json"
    return dict(orjson.loads(path.read_bytes())) if path.exists() else {}


def icon(name: str, size: int = 16, classes: str = "") -> Markup:
    """A lucide icon as inline SVG, hidden from screen readers; an unknown name gives a plain box."""
    body = Markup(_icons().get(name) or _icons().get("box", ""))  # noqa: S704 (made by our own build)
    return Markup(
        '<svg class="shrink-0 {}" width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>'
    ).format(classes, size, size, body)


@functools.cache
def _manifest() -> dict[str, str]:
    path = STATIC / "manifest.json"
    entries = orjson.loads(path.read_bytes()) if path.exists() else {}
    return {key: entry["file"] for key, entry in entries.items()}


def asset(name: str) -> str:
    """The address of a built asset: `app.ts`, `style.css`, `theme.ts`."""
    return f"/static/{_manifest().get(f'src/{name}', name)}"


def text(request: Request, template: str, /, **context: Any) -> str:
    """A template as text, with what fragments share: `request`, `actor`, `csrf_token`, `is_active`."""
    return environment().get_template(template).render(**_shared(request), **context)


def _shared(request: Request) -> dict[str, Any]:
    actor = getattr(request.state, "actor", None)
    path = request.url.path
    return {
        "request": request,
        "here": f"{path}?{request.url.query}" if request.url.query else path,
        "actor": actor if actor is not None and actor.ref else None,
        "csrf_token": getattr(request.state, "csrf", ""),
        "is_active": lambda href: path == href or (href != "/" and path.startswith(f"{href}/")),
    }


def _shell(request: Request) -> dict[str, Any]:
    # Only whole pages have the shell: a fragment asks neither the hooks nor the control database.
    app, actor = request.app.state, getattr(request.state, "actor", None)
    signed_in = actor is not None and bool(actor.ref)
    return {
        "navigation": app.navigation(request) if signed_in and hasattr(app, "navigation") else [],
        "organisation_title": app.organisation_title(actor.organisation)
        if actor is not None and signed_in
        else "Towpath",
        "settings_banner": app.banner() if hasattr(app, "banner") else None,
    }


def page(request: Request, template: str, /, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A whole page; `title` names it."""
    return HTMLResponse(text(request, template, **{"title": "Towpath", **_shell(request), **context}), status)


def fragment(request: Request, template: str, /, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A part of a page that htmx puts in its place; it renders alone as well."""
    return HTMLResponse(text(request, template, **context), status)


def notice(request: Request, status: int, title: str, hint: str = "", details: Iterable[str] = ()) -> HTMLResponse:
    """An error as people read it: what happened, what to do, details folded; a fragment for htmx."""
    draw, name = (fragment, "ui/notice.html") if "hx-request" in request.headers else (page, "ui/error.html")
    return draw(request, name, status=status, title=title, code=status, hint=hint, details=list(details))


def content_security_policy() -> str:
    """The policy of every page: our own scripts and styles only, none inline, no eval. Islands style through the DOM."""
    return (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


class _Static:
    """Serves built assets: names with a hash are kept for a year; the `.gz` beside one goes to who takes it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._response(scope)(scope, receive, send)

    def _response(self, scope: Scope) -> Response:
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        path = (STATIC / name).resolve()
        if scope["method"] not in ("GET", "HEAD") or not path.is_relative_to(STATIC.resolve()) or not path.is_file():
            return PlainTextResponse("no such asset", 404)
        hashed = path.parent.name == "assets"
        kept = "public, max-age=31536000, immutable" if hashed else "public, max-age=300"
        headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        accepts = dict(scope["headers"]).get(b"accept-encoding", b"").decode()
        packed = path.with_name(f"{path.name}.gz")
        if "gzip" in accepts and packed.is_file():
            return FileResponse(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=kind)
        return FileResponse(path, headers=headers, media_type=kind)


def static_files() -> _Static:
    """The ASGI application for /static."""
    return _Static()

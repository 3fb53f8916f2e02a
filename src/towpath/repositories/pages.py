"""Pages of repositories: files, one file, commits; and the card on an entity's page."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from towpath.kit import db
from towpath.kit.errors import NotFound
from towpath.kit.web import Reading, actor_of, database_of, permit
from towpath.repositories import git, service
from towpath.ui import service as ui

router = APIRouter(prefix="/repositories", include_in_schema=False)
SHOWN_BYTES, READ_BYTES = 400_000, 8_000_000
"""How much of a file is shown; one over the second is not even read, since Git gives files whole."""


def _named(request: Request, name: str) -> service.RepositoryView:
    with db.read(database_of(request)) as session:
        return service.named(session, name)


@router.get("", dependencies=[permit("repositories.read")])
def list_page(unit: Reading) -> Response:
    """All repositories."""
    found = service.everything(unit.session)
    owners = [(ref, ref) for ref in (*unit.actor.groups, unit.actor.ref)]
    return ui.page(unit.request, "repositories/list.html", title="Repositories", repositories=found, owners=owners)


@router.post("", dependencies=[permit("repositories.create")])
def make(
    request: Request, name: Annotated[str, Form()], owner: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Make an empty repository, then show how to push to it."""
    made = service.make(database_of(request), actor_of(request), name.strip(), owner=owner, description=description)
    return RedirectResponse(f"/repositories/{made.name}", 303)


@router.get("/card", dependencies=[permit("repositories.read")])
def card(request: Request, entity: str) -> Response:
    """The entity's repository: clone address and last commits."""
    with db.read(database_of(request)) as session:
        found = service.of_component(session, entity)
    commits = git.log(service.folder(found.uid), found.default_branch, 4) if found else []
    return ui.fragment(request, "repositories/card.html", repository=found, commits=commits)


@router.get("/{name}", dependencies=[permit("repositories.read")])
def show(request: Request, name: str, path: str = "", rev: str = "") -> Response:
    """A folder of the repository with its commits, or one file."""
    found = _named(request, name)
    bare, revision = service.folder(found.uid), rev or found.default_branch
    commits = git.log(bare, revision, 20, path)
    context = {"repository": found, "path": path, "revision": revision, "commits": commits, "title": name}
    try:
        items = git.list_tree(bare, revision, path) if commits else []
    except NotFound:
        size = git.size_of(bare, revision, path)
        data = git.read_file(bare, revision, path) if size <= READ_BYTES else b"\0"
        text = None if b"\0" in data[:8000] else data[:SHOWN_BYTES].decode(errors="replace")
        return ui.page(request, "repositories/file.html", text=text, size=size, **context)
    return ui.page(request, "repositories/show.html", items=items, **context)

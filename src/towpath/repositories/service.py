"""Use cases of repositories: make, link, record what was pushed, read, delete."""

import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from towpath.audit.service import audited, note
from towpath.catalog import service as catalog
from towpath.kit import clock, db, events, ids, settings
from towpath.kit.actor import Actor, Role, platform
from towpath.kit.errors import Conflict, Forbidden, Invalid, NotFound, TowpathError
from towpath.organisations import service as organisations
from towpath.repositories import git, queries
from towpath.repositories.model import Repository, RepositoryRef
from towpath.sdk.types import SourceFile

log = logging.getLogger(__name__)
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")


@dataclass(frozen=True)
class RepositoryView:
    """A repository as others see it; `component` is the ref of the entity it holds, `clone_url` the public address."""

    uid: str
    name: str
    owner: str | None
    description: str
    default_branch: str
    component: str | None
    clone_url: str


def folder(uid: str) -> Path:
    """Where the bare repository lies."""
    return settings.current().folder("repositories") / f"{uid}.git"


def address(name: str) -> str:
    """What the addresses of all files of a repository begin with, in any host and branch: `towpath://orders/`."""
    return f"towpath://{name}/"


def location(name: str, branch: str, path: str) -> str:
    """The host-free address of a file: `towpath://orders/blob/main/catalog-info.yaml`."""
    return f"{address(name)}blob/{branch}/{path.lstrip('/')}"


@audited("repositories.create")
def create(
    session: db.Session, actor: Actor, name: str, *, owner: str | None = None, description: str = "",
    default_branch: str = "main", key: str | None = None, uid: str = "",
) -> RepositoryView:  # fmt: skip
    """Reserve a name, under `uid` when given; the bare repository is made by the caller (`git.init_bare(folder(uid), …)`).

    Called again with the same idempotency `key` it returns the same repository. Raises Invalid and Conflict.
    """
    if not NAME.fullmatch(name) or name.endswith(".git") or ".." in name:
        raise Invalid(
            f"'{name}' cannot name a repository", hint="use a-z, 0-9, '-', '_' and '.', at most 100 characters"
        )
    note(session, subject=f"repository:{name}")
    taken = queries.named(session, name)
    if taken is not None:
        if key and taken.key == key:
            return view(taken)
        raise Conflict(f"a repository named '{name}' exists", hint="choose another name")
    row = Repository(
        uid=uid or ids.uuid7(), name=name, owner=owner, description=description, default_branch=default_branch, key=key,
        created_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    events.emit(session, "repository.created", f"repository:{row.uid}", {"name": name}, actor=actor.ref)
    return view(row)


def require_push(session: db.Session, actor: Actor, repository: RepositoryView) -> None:
    """Return when the actor may push. Raises Forbidden for one that is not the owner of a repository with a granted
    location: what it supplies, golden paths and resource definitions, decides what runs with which rights."""
    actor.require("repositories.push")
    if catalog.granted_below(session, address(repository.name)) and not actor.owns(repository.owner):
        raise Forbidden(
            f"'{repository.name}' supplies platform documents: its owner and platform engineers push to it",
            hint="send them the change",
        )


def make(
    database: db.DatabaseRef, actor: Actor, name: str, *, owner: str = "", description: str = ""
) -> RepositoryView:
    """An empty repository, ready for a first push; opens a session of its own. Raises Invalid, Conflict and Forbidden."""
    uid = ids.uuid7()
    try:  # the folder first: a crash between both leaves a folder that nobody sees, not a name that nobody can push to
        git.init_bare(folder(uid), "main")
        with db.write(database) as session:
            return create(session, actor, name, owner=owner or None, description=description, uid=uid)
    except (TowpathError, OSError):
        remove_folder(uid)
        raise


@audited("repositories.push")
def record(
    session: db.Session, actor: Actor, uid: str, found: Mapping[str, str], *, root_id: str | None = None
) -> list[dict[str, Any]]:
    """Compare Git's refs (read before the session) with the recorded ones; each changed branch is an event.

    Returns [{branch, commit, before}]. A change whose commit is recorded already is none: repeats do nothing.
    """
    db.alone(session, f"repository/{uid}")  # the end of a push, a start and a step may all find the same change
    row = queries.get(session, uid)
    if row is None:
        return []
    known, changes = queries.refs(session, uid), []
    for name, commit in found.items():
        before = known[name].commit if name in known else None
        if before == commit:
            continue
        session.merge(RepositoryRef(repository_uid=uid, ref=name, commit=commit, recorded_at=clock.now()))
        if name.startswith("refs/heads/"):
            changes.append({"branch": name[11:], "commit": commit, "before": before})
    for name in known.keys() - found.keys():
        session.delete(known[name])
    note(session, subject=f"repository:{row.name}", **{f"refs/heads/{one['branch']}": one["commit"] for one in changes})
    for change in changes:
        data = {"repository": uid, "name": row.name, "author": actor.ref, **change}
        events.emit(session, "dev.cdevents.change.merged", f"repository:{uid}", data, actor=actor.ref, root_id=root_id)
    return changes


def record_refs(
    database: db.DatabaseRef, actor: Actor, uid: str, *, root_id: str | None = None
) -> list[dict[str, Any]]:
    """Read Git's refs, then record what changed in one transaction, and with it every location of our repositories that
    reads files of this one and can be read.

    For a push that ended, for a start, and for the action that published. Opens sessions of its own.
    """
    while (changes := _record_once(database, actor, uid, root_id)) is None:
        log.info("repository %s changed meanwhile: read again", uid)
    return changes


def catch_up() -> None:
    """Record what was pushed while no portal ran, in every organisation; one broken repository leaves the others alone."""
    for ref in organisations.databases():
        # Nobody knows who pushed: what they changed must not pass with the rights of the platform, which owns everything.
        somebody = replace(platform(ref.name), role=Role.developer)
        with db.read(ref) as session:
            found = everything(session)
        for one in found:
            try:
                record_refs(ref, somebody, one.uid)
            except Exception:
                log.exception("repository %s could not be read", one.name)


def _record_once(database: db.DatabaseRef, actor: Actor, uid: str, root_id: str | None) -> list[dict[str, Any]] | None:
    """The changes; None when somebody recorded others while these were read, which are then older."""
    bare = folder(uid)
    with db.read(database) as session:
        row = queries.get(session, uid)
        if row is None or not (bare / "HEAD").exists():
            return []
        known, main = _known(session, uid), f"refs/heads/{row.default_branch}"
        readers = catalog.locations_reading(session, address(row.name))
        targets = [f"url:{one.target}" for one in readers if one.target.startswith("towpath://")]
    found = git.refs(bare)
    if found == known:
        return []
    read = _readable(database, targets) if found.get(main) != known.get(main) else {}
    with db.write(database) as session:
        db.alone(session, f"repository/{uid}")
        if queries.get(session, uid) is None:
            return []
        if _known(session, uid) != known:
            return None
        changes = record(session, actor, uid, found, root_id=root_id)
        for target, files in read.items():
            if catalog.location_named(session, target) is not None:  # else someone took it out meanwhile
                catalog.refresh_files(session, actor, target, files)
    return changes


def _known(session: db.Session, uid: str) -> dict[str, str]:
    return {name: one.commit for name, one in queries.refs(session, uid).items()}


def _readable(database: db.DatabaseRef, targets: Sequence[str]) -> dict[str, list[SourceFile]]:
    """The files of some locations, read before a session is opened; one that cannot be read keeps what it said."""
    read = {}
    for target in targets:
        try:
            read[target] = catalog.fetch_outside(database, target)
        except TowpathError as error:
            log.info("'%s' was not read after a push: %s", target, error)
    return read


def link(
    session: db.Session, uid: str, component_ref: str, *, actor: str = "platform", root_id: str | None = None
) -> None:
    """Remember which component a repository holds; a repeat changes nothing."""
    row = queries.get(session, uid)
    if row is None or row.component == component_ref:
        return
    row.component = component_ref
    data = {"repository": uid, "name": row.name}
    events.emit(session, "repository.linked", component_ref, data, actor=actor, root_id=root_id)


def unlink(session: db.Session, uid: str) -> None:
    """Forget which component a repository holds: the component goes, the repository stays."""
    row = queries.get(session, uid)
    if row is not None:
        row.component = None


def get(session: db.Session, uid: str) -> RepositoryView:
    """A repository by uid; raises NotFound."""
    row = queries.get(session, uid)
    if row is None:
        raise NotFound("there is no such repository")
    return view(row)


def named(session: db.Session, name: str) -> RepositoryView:
    """A repository by name; raises NotFound."""
    row = queries.named(session, name)
    if row is None:
        raise NotFound(f"there is no repository '{name}'")
    return view(row)


def of_component(session: db.Session, component_ref: str) -> RepositoryView | None:
    """The repository that holds a component, or None."""
    row = queries.of_component(session, component_ref)
    return view(row) if row else None


def owner_of(session: db.Session, uid: str) -> str | None:
    """Who owns a repository: its own owner, else that of the component it holds; None for none."""
    row = queries.get(session, uid)
    if row is None or row.owner:
        return row.owner if row else None
    component = catalog.find(session, row.component) if row.component else None
    return component.owner if component else None


def everything(session: db.Session) -> list[RepositoryView]:
    """All repositories by name."""
    return [view(row) for row in queries.everything(session)]


def read_file(uid: str, revision: str, path: str) -> bytes:
    """A file at a revision; opens no session. Raises NotFound."""
    return git.read_file(folder(uid), revision, path)


@audited("repositories.delete")
def remove(session: db.Session, actor: Actor, uid: str) -> None:
    """Forget a repository; its folder is removed by the caller's act (`remove_folder`). A repeat is fine."""
    row = queries.get(session, uid)
    if row is None:
        return
    note(session, subject=f"repository:{row.name}")
    events.emit(session, "repository.deleted", f"repository:{uid}", {"name": row.name}, actor=actor.ref)
    queries.remove(session, uid)


def remove_folder(uid: str) -> None:
    """Remove the bare repository from disk; a repeat is fine."""
    shutil.rmtree(folder(uid), ignore_errors=True)


def view(row: Repository) -> RepositoryView:
    """The frozen view of a row."""
    return RepositoryView(
        row.uid, row.name, row.owner, row.description, row.default_branch, row.component,
        f"{settings.current().url}/git/{row.name}.git",
    )  # fmt: skip

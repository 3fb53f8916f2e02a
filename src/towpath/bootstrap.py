"""The first start of an install: an organisation, its accounts and documents. A second start finds nothing to do."""

import secrets
from pathlib import Path

from towpath import demo
from towpath.catalog import service as catalog
from towpath.golden_paths import service as golden_paths
from towpath.identity import service as identity
from towpath.kit import db, files, migrate
from towpath.kit.actor import Role, platform
from towpath.kit.settings import Settings
from towpath.organisations import service as organisations
from towpath.sdk.types import SourceFile

DEMO = "northbank"
DEMO_PASSWORD = "towpath"  # noqa: S105 (shown on the sign-in page; such accounts work in demo mode only)
ACCOUNTS = (
    ("developer", "Ada Lindqvist", Role.developer),
    ("platform-engineer", "Priya Raman", Role.platform_engineer),
    ("administrator", "Tomas Weber", Role.administrator),
)


def first_start(settings: Settings) -> str | None:
    """Make the first organisation and its accounts when there is none.

    Returns the first administrator's password until `forget_password`: a process killed before it was said leaves it to
    the next one. None in demo mode.
    """
    with db.read(organisations.control()) as session:
        if organisations.founded(session):
            return _kept_password(settings)
    name, title = (DEMO, "Northbank") if settings.demo else ("main", "Main")
    with db.write(organisations.control()) as session:
        db.alone(session, "first-start")  # two replicas may come to an empty PostgreSQL at one moment
        if not organisations.founded(session):
            _found(session, settings, name, title)
    migrate.upgrade(organisations.database(name))
    return _kept_password(settings)


def forget_password(settings: Settings) -> None:
    """The first administrator's password has been said; a repeat is fine."""
    _password_file(settings).unlink(missing_ok=True)


def _kept_password(settings: Settings) -> str | None:
    file = _password_file(settings)
    return file.read_text() if file.exists() and not settings.demo else None


def _password_file(settings: Settings) -> Path:
    return settings.folder("keys") / "first-password"


def _found(session: db.Session, settings: Settings, name: str, title: str) -> None:
    organisations.create(session, name, title)
    if settings.demo:
        for login, display, role in ACCOUNTS:
            account = identity.create_account(session, login, display, DEMO_PASSWORD, demo=True)
            organisations.join(session, account.id, name, f"user:default/{login}", role)
        return
    password = secrets.token_urlsafe(12)
    account = identity.create_account(session, "administrator", "Administrator", password)
    organisations.join(session, account.id, name, "user:default/administrator", Role.administrator)
    files.write(_password_file(settings), password.encode(), durable=True)  # before the commit: no account without it


def load_documents(settings: Settings) -> None:
    """Bring the shipped documents into every organisation: platform documents and golden paths; the demo's own as well."""
    folders = {"platform": demo.folder() / "platform"}
    if settings.demo:
        folders["demo"] = demo.folder() / "organisation"
    documents = {name: _files(folder) for name, folder in folders.items()}
    documents["golden-paths"] = [SourceFile(f"file:{path}", path.read_bytes()) for path in golden_paths.shipped()]
    for ref in organisations.databases():
        for name, sources in documents.items():
            with db.write(ref) as session:
                db.alone(session, f"documents/{name}")
                catalog.load_granted(session, platform(ref.name), name, sources)


def _files(folder: Path) -> list[SourceFile]:
    return [SourceFile(f"file:{path}", path.read_bytes()) for path in sorted(folder.rglob("*.yaml"))]

"""What every room's tests share: settings on a folder of their own, an organisation's database, and actors.

Tests that ask for an organisation run on SQLite and on PostgreSQL, but for the modules of `ONE_DATABASE`.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench import postgres
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import inspect

from towpath import capabilities
from towpath.kit import actor as actors
from towpath.kit import clock, db, migrate
from towpath.kit import settings as kit_settings
from towpath.kit.actor import Actor, Role
from towpath.organisations import service as organisations
from towpath.sdk import plugins
from towpath.sdk.types import Fact, RunView, Step

ONE_DATABASE = {
    "catalog/test_doors.py": "shapes and pages; the queries behind them are test_service's",
    "golden_paths/test_doors.py": "shapes and pages; the queries behind them are test_jobs'",
    "identity/test_doors.py": "cookies, headers and forms; the queries behind them are test_service's",
    "orchestrator/test_pages.py": "pages; the queries behind them are test_service's",
    "runs/test_pages.py": "pages; the queries behind them are test_executor's",
}
"""Modules whose tests look past the database, and at what: SQLite is enough for them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--postgres URL` takes that server instead of starting one; its user makes and drops databases."""
    parser.addoption("--postgres", default="", help="URL of a PostgreSQL server for the rooms' tests")


def pytest_configure(config: pytest.Config) -> None:
    """The marker of tests that need one database alone."""
    config.addinivalue_line("markers", "databases(kind, ...): runs on these alone, of sqlite and postgres")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once on SQLite and once on PostgreSQL, unless the module or the test says otherwise."""
    if "founded" not in metafunc.fixturenames:
        return
    module = Path(metafunc.module.__file__).relative_to(Path(__file__).parent).as_posix()
    marked = metafunc.definition.get_closest_marker("databases")
    kinds = ("sqlite",) if module in ONE_DATABASE else ("sqlite", "postgres")
    metafunc.parametrize("database_kind", marked.args if marked else kinds, indirect=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began the session ends the server that its workers shared."""
    if not hasattr(config, "workerinput") and (factory := getattr(config, "_tmp_path_factory", None)):
        postgres.end(factory.getbasetemp())


@pytest.fixture(scope="session", autouse=True)
def loaded() -> None:
    """The built-in capabilities, registered as an entrance does."""
    manager = plugins.load(capabilities.plugs(), strangers=False)
    capabilities.load_models()
    for permission in plugins.collect(manager.hook.permissions()):
        actors.PERMISSIONS[permission.id] = permission.role


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the PostgreSQL server that all workers of this session share."""
    base = tmp_path_factory.getbasetemp()
    worker = "PYTEST_XDIST_WORKER" in os.environ
    shared, owner = (base.parent, os.getppid()) if worker else (base, os.getpid())
    return request.config.getoption("--postgres") or postgres.server(shared, owner)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A database of this worker on that server."""
    with postgres.database(postgres_server) as made:
        yield made


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgres`."""
    return getattr(request, "param", "sqlite")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine; without one the test is skipped."""
    if (program := shutil.which("chromium")) is None:
        pytest.skip("no chromium on this machine")
    quiet = ("gpu", "background-networking", "component-update", "sync")
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", *(f"--disable-{one}" for one in quiet)]
        )
        yield browser
        browser.close()


@pytest.fixture
def settings(tmp_path: Path, database_kind: str, request: pytest.FixtureRequest) -> Iterator[kit_settings.Settings]:
    """Settings of an install in a folder of its own."""
    url = request.getfixturevalue("postgres_url") if database_kind == "postgres" else None
    made = kit_settings.use(kit_settings.Settings(home=tmp_path / "home", database_url=url, production=False))
    yield made
    db.dispose()
    kit_settings._current.clear()


@pytest.fixture
def founded(settings: kit_settings.Settings) -> Iterator[Callable[[str, str], db.DatabaseRef]]:
    """Found an organisation: `founded("northbank", "Northbank")` gives its database, empty."""
    control = organisations.control()
    make_tables(control)

    def make(name: str, title: str) -> db.DatabaseRef:
        ref = organisations.database(name)
        make_tables(ref)
        with db.write(control) as session:
            organisations.queries.add(session, name, title, clock.now())
        return ref

    yield make
    for ref in [*organisations.databases(), control] if control.schema else []:
        empty(ref)  # the next test on PostgreSQL finds the schemas made


@pytest.fixture
def organisation(founded: Callable[[str, str], db.DatabaseRef]) -> db.DatabaseRef:
    """The database of the organisation `northbank`, empty, with the control database beside it."""
    return founded("northbank", "Northbank")


def make_tables(ref: db.DatabaseRef) -> None:
    """The tables of a database: by the migrations on PostgreSQL, which keeps them, at once on SQLite."""
    if ref.schema:
        migrate.upgrade(ref)
        return
    with db.engine(ref).execution_options(towpath_write=True).begin() as connection:
        migrate.TREES[migrate.tree_of(ref)].create_all(connection)


def empty(ref: db.DatabaseRef) -> None:
    """Delete every row of a database but the catalog's revision: what was parsed is kept until that rises.

    An organisation that a test only named has no tables.
    """
    if not inspect(db.engine(ref)).has_table("alembic_version", schema=ref.schema):
        return
    options = {"schema_translate_map": {None: ref.schema}}
    with db.engine(ref).execution_options(**options).begin() as connection:
        for table in reversed(migrate.TREES[migrate.tree_of(ref)].sorted_tables):
            if table.name != "catalog_revision":
                connection.execute(table.delete())


@pytest.fixture
def actor(organisation: db.DatabaseRef) -> Callable[..., Actor]:
    """Make an actor: `actor("developer", groups=(…,))`."""

    def make(role: str = "developer", **changes: object) -> Actor:
        name = role.replace("_", "-")
        fields = {"ref": f"user:default/{name}", "organisation": organisation.name, "account_id": f"account-{name}"}
        return Actor(**{**fields, "role": Role[role], "via": "session", **changes})

    return make


@pytest.fixture
def walk() -> Callable[..., None]:
    """Do steps of a run in order, as the executor does: `walk(database, run, steps, actor=…)`."""

    def through(database: db.DatabaseRef, run: RunView, steps: Sequence[Step], actor: Actor | None = None) -> None:
        ctx: Any = SimpleNamespace(
            log=lambda text: None, actor=actor, database=database, write=lambda: db.write(database)
        )
        for step in steps:
            with db.write(database) as session:
                data = step.do(session, run) if isinstance(step, Fact) else step.prepare(session, run)
            if isinstance(step, Fact):
                continue
            result = step.do(data, ctx)
            with db.write(database) as session:
                step.settle(session, run, data, result)

    return through


@pytest.fixture
def developer(actor: Callable[..., Actor]) -> Actor:
    """A developer of the team payments."""
    return actor("developer", groups=("group:default/payments",))


@pytest.fixture
def administrator(actor: Callable[..., Actor]) -> Actor:
    """An administrator."""
    return actor("administrator")

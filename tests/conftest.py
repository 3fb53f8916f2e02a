"""What every room's tests share: settings on a folder of their own, an organisation's database, and actors."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.schema import CreateSchema, DropSchema

from towpath import capabilities
from towpath.kit import actor as actors
from towpath.kit import clock, db, ids
from towpath.kit import settings as kit_settings
from towpath.kit.actor import Actor, Role
from towpath.organisations import service as organisations
from towpath.sdk import plugins


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--postgres URL` runs the rooms' tests on PostgreSQL instead of SQLite."""
    parser.addoption("--postgres", default="", help="URL of a PostgreSQL for the rooms' tests")


@pytest.fixture(scope="session", autouse=True)
def loaded() -> None:
    """The built-in capabilities, registered as an entrance does."""
    manager = plugins.load(capabilities.plugs(), strangers=False)
    capabilities.load_models()
    for permission in plugins.collect(manager.hook.permissions()):
        actors.PERMISSIONS[permission.id] = permission.role


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[kit_settings.Settings]:
    """Settings of an install in a folder of its own; SQLite unless `--postgres` is given."""
    url = request.config.getoption("--postgres") or None
    made = kit_settings.use(kit_settings.Settings(home=tmp_path / "home", database_url=url, production=False))
    yield made
    db.dispose()
    kit_settings._current.clear()


@pytest.fixture
def organisation(settings: kit_settings.Settings) -> Iterator[db.DatabaseRef]:
    """The database of the organisation `northbank`, empty, with the control database beside it."""
    name = "northbank" if settings.database_url is None else f"t{ids.uuid7()[-8:]}"
    control, ref = organisations.control(), organisations.database(name)
    make_tables(control, db.ControlBase)
    make_tables(ref, db.Base)
    with db.write(control) as session:
        if name not in [one.id for one in organisations.queries.all_of(session)]:
            organisations.queries.add(session, name, "Northbank", clock.now())
    yield ref
    if ref.schema:
        with db.engine(ref).begin() as connection:
            connection.execute(DropSchema(ref.schema, cascade=True))


def make_tables(ref: db.DatabaseRef, base: type) -> None:
    """Create all tables of one tree where they are missing."""
    options = {"schema_translate_map": {None: ref.schema}} if ref.schema else {}
    with db.engine(ref).execution_options(towpath_write=True, **options).begin() as connection:
        if ref.schema:
            connection.execute(CreateSchema(ref.schema, if_not_exists=True))
        base.metadata.create_all(connection)


@pytest.fixture
def actor(organisation: db.DatabaseRef) -> Callable[..., Actor]:
    """Make an actor: `actor("developer", groups=(…,))`."""

    def make(role: str = "developer", **changes: object) -> Actor:
        name = role.replace("_", "-")
        fields = {"ref": f"user:default/{name}", "organisation": organisation.name, "account_id": f"account-{name}"}
        return Actor(**{**fields, "role": Role[role], "via": "session", **changes})

    return make


@pytest.fixture
def developer(actor: Callable[..., Actor]) -> Actor:
    """A developer of the team payments."""
    return actor("developer", groups=("group:default/payments",))


@pytest.fixture
def administrator(actor: Callable[..., Actor]) -> Actor:
    """An administrator."""
    return actor("administrator")

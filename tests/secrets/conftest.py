"""An organisation's database with the tables that secrets need."""

import pytest

from towpath.kit import db, settings
from towpath.kit.actor import PERMISSIONS, Actor, Role


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Settings of an empty data folder."""
    monkeypatch.delenv("TOWPATH_KEK", raising=False)
    made = settings.use(settings.Settings(home=tmp_path / "home"))
    yield made
    settings._current.clear()


@pytest.fixture
def database(config, monkeypatch):
    """A database of one organisation."""
    for permission, role in (("secrets.write", Role.developer), ("secrets.rotate", Role.administrator)):
        monkeypatch.setitem(PERMISSIONS, permission, role)
    ref = db.DatabaseRef("acme", f"sqlite:///{config.folder('databases') / 'acme.db'}")
    db.Base.metadata.create_all(db.engine(ref))
    yield ref
    db.dispose()


@pytest.fixture
def developer():
    """Who may put secrets."""
    return Actor("user:default/ada", "acme", Role.developer)


@pytest.fixture
def administrator():
    """Who may rotate the key."""
    return Actor("user:default/root", "acme", Role.administrator)


@pytest.fixture
def developer_of(actor):
    """A developer of the team payments, in a whole organisation."""
    return actor("developer", groups=("group:default/payments",))

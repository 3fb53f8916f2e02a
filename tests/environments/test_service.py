"""Environments come from documents, in order of promotion."""

from importlib import resources

import pytest

from towpath.catalog import service as catalog
from towpath.environments import service as environments
from towpath.kit import db
from towpath.kit.errors import NotFound
from towpath.sdk.types import SourceFile


@pytest.fixture
def session(organisation, administrator):
    """A session of an organisation with the environments that ship."""
    data = (resources.files("towpath.demo") / "platform" / "environments.yaml").read_bytes()
    with db.write(organisation) as session:
        catalog.load_granted(session, administrator, "platform", [SourceFile("file:environments.yaml", data)])
    with db.read(organisation) as session:
        yield session


def test_environments_stand_in_order_of_promotion(session):
    assert [one.name for one in environments.all(session)] == ["development", "staging", "production"]
    assert environments.get(session, "production").approval


def test_each_leads_to_the_next_and_the_last_to_none(session):
    assert environments.after(session, "development").name == "staging"
    assert environments.after(session, "production") is None


def test_an_unknown_environment_names_those_there_are(session):
    with pytest.raises(NotFound) as raised:
        environments.get(session, "moon")
    assert "development, staging, production" in raised.value.hint

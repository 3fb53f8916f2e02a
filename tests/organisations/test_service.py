"""Tenants, and how many a host may carry."""

import pytest

from towpath.kit import db
from towpath.kit.errors import Unavailable
from towpath.kit.jail import host
from towpath.organisations import service
from towpath.platform import Platform


@pytest.fixture
def bare_host(monkeypatch):
    """A host that allows neither another uid nor a user namespace."""
    monkeypatch.setenv("TOWPATH_JAIL", "none")
    host.probe.cache_clear()
    yield
    host.probe.cache_clear()


def add(name: str) -> None:
    with db.write(service.control()) as session:
        service.create(session, name, name.title())


def test_a_host_that_isolates_nothing_carries_one_organisation(organisation, bare_host):
    with pytest.raises(Unavailable) as refused:
        add("southbank")
    assert "user namespaces" in refused.value.hint
    assert [one.name for one in service.databases()] == [organisation.name]


def test_an_install_of_two_organisations_does_not_start_where_nothing_keeps_them_apart(
    organisation, settings, monkeypatch
):
    if host.probe().kind == "none":
        pytest.skip("this host cannot have two organisations to begin with")
    add("southbank")
    Platform(settings).admit()
    monkeypatch.setenv("TOWPATH_JAIL", "none")
    host.probe.cache_clear()
    with pytest.raises(Unavailable, match="organisations"):
        Platform(settings).admit()
    host.probe.cache_clear()


def test_production_needs_a_host_that_isolates(organisation, settings, bare_host):
    Platform(settings).admit()
    with pytest.raises(Unavailable, match="production"):
        Platform(settings.model_copy(update={"production": True})).admit()

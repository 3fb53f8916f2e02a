"""Tenants, and how many a host may carry."""

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from towpath.kit import clock, db
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


@pytest.mark.databases("postgres")
def test_a_dead_executor_is_buried_only_once_somebody_took_its_runs_over(organisation):
    asked: list[str] = []

    def fail(dead: list[str]) -> None:
        asked.extend(dead)
        service.bury(lambda others: asked.extend(["twice", *others]))  # another replica, at this moment
        raise KeyboardInterrupt  # and this one dies

    with db.write(service.control()) as session:
        service.queries.beat(session, "dead", clock.now() - timedelta(seconds=40))
    service.beat("alive")
    with pytest.raises(KeyboardInterrupt):
        service.bury(fail)
    for _ in range(2):
        service.bury(asked.extend)
    assert asked == ["dead", "dead"]


def test_a_heartbeat_goes_on_after_any_error(organisation, settings, monkeypatch, caplog):
    beats: list[str] = []
    platform = Platform(settings)

    def beat(executor: str) -> None:
        beats.append(executor)
        if len(beats) == 1:
            raise RuntimeError("no connection was free")
        platform._stop.set()

    monkeypatch.setattr("towpath.platform.BEAT_S", 0.01)
    monkeypatch.setattr(service, "beat", beat)
    platform._beat("one")
    assert beats == ["one", "one"]
    assert "no connection was free" in caplog.text


def test_after_an_outage_the_living_have_time_to_beat_before_anybody_is_buried(settings, organisation, monkeypatch):
    platform, said = Platform(settings), []

    def beat(executor: str) -> None:
        said.append("beat")
        if said.count("beat") == 6:  # the control database is away once, after somebody could have been buried
            raise Unavailable("the control database does not answer")
        if said.count("beat") == 10:
            platform._stop.set()

    monkeypatch.setattr("towpath.platform.BEAT_S", 0.01)
    monkeypatch.setattr(service, "beat", beat)
    monkeypatch.setattr(service, "bury", lambda take_over: said.append("bury"))
    platform._beat("one")
    assert "".join(one[1] for one in said) == "eee" + "eueu" + "e" + "eee" + "eu"


def test_engines_are_looked_after_although_a_look_fails(organisation, settings, monkeypatch, caplog):
    platform, looks = Platform(settings), []

    def ended() -> list[object]:
        looks.append(1)
        if len(looks) == 1:
            raise OSError(24, "Too many open files")
        platform._stop.set()
        return []

    monkeypatch.setattr("towpath.platform.KEEP_UP_S", 0.01)
    monkeypatch.setattr(platform, "_ended", ended)
    platform._keep_up()
    assert len(looks) == 2
    assert "Too many open files" in caplog.text


@pytest.mark.databases("sqlite")
def test_runs_go_on_only_once_the_engines_are_up(organisation, settings, monkeypatch):
    order: list[str] = []

    class Slow:
        name, survives_portal = "slow", False

        def up(self) -> None:
            time.sleep(0.1)
            order.append("up")

    platform = Platform(settings)
    platform.engines = [Slow()]
    monkeypatch.setattr("towpath.kit.jobs.launch", lambda *given, **named: order.append("launch"))
    for one in (platform.executor, platform.dispatcher, platform._keeper):
        monkeypatch.setattr(one, "start", lambda *given: None)
    monkeypatch.setattr(
        "towpath.sdk.plugins.call", lambda: SimpleNamespace(started=lambda app: order.append("started"))
    )
    platform.start(None)
    assert order == ["up", "launch", "started"]


def test_production_needs_a_host_that_isolates(organisation, settings, bare_host):
    Platform(settings).admit()
    with pytest.raises(Unavailable, match="production"):
        Platform(settings.model_copy(update={"production": True})).admit()

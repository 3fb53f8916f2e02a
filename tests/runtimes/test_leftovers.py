"""What a kill or a dying supervisord leaves half done; no engine runs here."""

import http.client
import logging
import shutil
import time
from pathlib import Path
from xml.parsers.expat import ExpatError

import pytest

from towpath.kit.errors import Unavailable
from towpath.runtimes import releases, replacing, state, supervisor
from towpath.runtimes.releases import Release
from towpath.runtimes.state import Draining, Instance, State
from towpath.runtimes.watch import Watch

LOGICAL = "orders.development"


class Programs(dict):
    """A supervisord that only remembers: program to state."""

    def start(self, name, command):
        self[name] = "RUNNING"

    def info(self, name):
        return {"statename": self[name], "exitstatus": 0} if name in self else None


@pytest.fixture
def programs(settings, monkeypatch):
    known = Programs()
    monkeypatch.setattr(supervisor, "start", known.start)
    monkeypatch.setattr(supervisor, "info", known.info)
    monkeypatch.setattr(supervisor, "remove", lambda name: known.pop(name, None))
    monkeypatch.setattr(replacing, "probe", lambda port, path: 200)
    monkeypatch.setattr(replacing, "drain_later", lambda logical: None)
    monkeypatch.setattr(releases, "command", lambda logical, release: [])
    monkeypatch.setattr(
        releases, "prepare", lambda release, port: folder(release.id).mkdir(parents=True, exist_ok=True)
    )
    return known


def folder(name):
    return releases.folder(LOGICAL, name)


def release(name):
    return Release(name, LOGICAL, "acme", "orders", "development", Path("x.whl"), Path("layer"), ("orders",))


def drained():
    with state.locked(LOGICAL) as found:
        replacing.finish(found, now=True)
    return state.load(LOGICAL)


@pytest.mark.parametrize("ended", ["BACKOFF", "EXITED", "STOPPED"])
def test_a_repeat_that_starts_the_current_release_again_drains_nothing(programs, ended):
    replacing.replace(release("r1"))
    programs[f"{LOGICAL}.r1"] = ended
    replacing.replace(release("r1"))
    found = drained()
    assert (found.current.release, found.next) == ("r1", None)
    assert programs == {f"{LOGICAL}.r1": "RUNNING"}
    assert folder("r1").exists()


def test_going_back_to_a_release_that_still_drains_does_not_end_it(programs):
    for name in ("r1", "r2", "r1"):
        replacing.replace(release(name))
    assert drained().current.release == "r1"
    assert programs == {f"{LOGICAL}.r1": "RUNNING"}


def test_a_current_release_that_does_not_come_back_is_no_longer_current(programs, monkeypatch):
    replacing.replace(release("r1"))
    programs[f"{LOGICAL}.r1"] = "EXITED"
    monkeypatch.setattr(supervisor, "start", lambda name, command: None)
    with pytest.raises(Unavailable, match="nothing serves yet"):
        replacing.replace(release("r1"))
    found = state.load(LOGICAL)
    assert (found.current, found.next, programs) == (None, None, {})


def test_another_release_does_not_end_a_current_one_whose_repeat_was_killed(programs, monkeypatch):
    current = replacing.replace(release("r1"))
    with state.locked(LOGICAL) as found:
        found.next, found.phase = current, "started"
        found.save()
    monkeypatch.setattr(supervisor, "start", lambda name, command: None)
    with pytest.raises(Unavailable, match="serves on"):
        replacing.replace(release("r2"))
    assert state.load(LOGICAL).current.release == "r1"
    assert programs == {f"{LOGICAL}.r1": "RUNNING"}


def test_half_a_removed_release_does_not_stand_at_its_place(settings, monkeypatch):
    (folder("r1") / "venv").mkdir(parents=True)
    (folder(".r0")).mkdir()
    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # killed before anything was deleted
    releases.remove(LOGICAL, "r1")
    assert not folder("r1").exists()
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    releases.remove(LOGICAL, "r1")
    assert list(folder("r1").parent.iterdir()) == []


@pytest.mark.parametrize("error", [http.client.IncompleteRead(b""), ExpatError("no element found")])
def test_a_supervisord_that_dies_in_mid_reply_is_unavailable(settings, monkeypatch, error):
    def request(*_, **__):
        raise error

    monkeypatch.setattr(supervisor.SupervisorTransport, "request", request)
    with pytest.raises(Unavailable):
        supervisor.infos()


def test_a_service_that_cannot_be_looked_at_does_not_spoil_the_look_at_others(settings, programs, monkeypatch, caplog):
    gone = Instance("r0", "billing.r0", 1, "/", "/")
    for logical in ("billing.development", LOGICAL):
        State(logical, component="x", draining=[Draining(gone, time.time() - 1)]).save()
    end = replacing._end

    def ends(logical, instance):
        if logical != LOGICAL:
            raise ValueError("odd")
        end(logical, instance)

    monkeypatch.setattr(replacing, "_end", ends)
    monkeypatch.setattr(supervisor, "infos", dict)
    Watch().look()
    assert [len(one.draining) for one in state.all_()] == [1, 0]
    assert "billing.development: odd" in caplog.text


def test_the_watch_outlives_whatever_it_meets(settings, monkeypatch, caplog):
    monkeypatch.setattr("towpath.runtimes.watch.TICK_S", 0.01)
    looks = []

    def infos():
        looks.append(1)
        raise ValueError("odd")

    monkeypatch.setattr(supervisor, "infos", infos)
    watch = Watch()
    with caplog.at_level(logging.CRITICAL):
        watch.start()
        until = time.monotonic() + 5
        while len(looks) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        watch.stop()
    assert len(looks) >= 3

"""A layer is built or unpacked once, whoever asks and whatever was killed; nothing is installed here."""

import os
import threading
import time

import pytest

from towpath.artifacts import layers
from towpath.kit import jail
from towpath.kit.errors import Unavailable

NAME = "a" * 24


@pytest.fixture
def archived(settings):
    python = layers.folder(NAME) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    layers._keep(NAME)
    return python


def test_two_who_want_the_same_lost_layer_unpack_it_once(archived, monkeypatch):
    archived.unlink()
    archived.parent.rmdir()
    layers.folder(NAME).rmdir()
    unpack, unpacked, got = layers._unpack, [], []

    def slowly(name):
        unpacked.append(name)
        while not waiting.is_alive():
            pass
        waiting.join(0.3)
        unpack(name)

    monkeypatch.setattr(layers, "_unpack", slowly)
    waiting = threading.Thread(target=lambda: got.append(layers.restore(NAME)))
    first = threading.Thread(target=lambda: got.append(layers.restore(NAME)))
    first.start()
    while not unpacked:
        pass
    waiting.start()
    for thread in (first, waiting):
        thread.join(5)
    assert got == [layers.folder(NAME)] * 2
    assert unpacked == [NAME]


def test_a_build_first_ends_what_a_killed_one_left_running(settings, monkeypatch):
    calls = []
    monkeypatch.setattr(jail, "end_left", lambda work: calls.append((work.name, (work / "half").exists())))
    monkeypatch.setattr(jail, "run", lambda *_, **__: jail.Finished(1, b"", b"no"))
    half = settings.folder("layers", f".{NAME}.new") / "half"
    half.touch()
    with pytest.raises(Unavailable):
        layers._build(NAME, "", "northbank")
    assert calls == [(f".{NAME}.new", True)]


def test_a_layer_goes_once_no_bundle_names_it_and_nobody_asked_for_a_week(archived):
    old = time.time() - 8 * 86_400
    assert layers.remove_unused([]) == []
    for path in (layers.folder(NAME), layers._archive(NAME)):
        os.utime(path, (old, old))
    assert layers.remove_unused([NAME]) == []
    layers.restore(NAME)
    assert layers.remove_unused([NAME]) == []
    assert layers.remove_unused([]) == [NAME]
    assert not layers.complete(NAME)
    with pytest.raises(Unavailable, match="lost"):
        layers.restore(NAME)


def test_a_layer_that_a_pipeline_asks_for_is_kept(archived, monkeypatch):
    old = time.time() - 8 * 86_400
    for path in (layers.folder(NAME), layers._archive(NAME)):
        os.utime(path, (old, old))
    monkeypatch.setattr(layers, "key", lambda lock: NAME)
    layers.ensure("", "northbank")
    assert layers.remove_unused([]) == []

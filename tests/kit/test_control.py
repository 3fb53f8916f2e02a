"""The operator's socket: one question, one answer, also when a command breaks."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from towpath.kit.control import ControlServer, LostError, RefusedError, call
from towpath.kit.errors import Conflict, Unavailable


def refuse(arguments):
    raise Conflict("taken", hint="choose another")


def count(arguments):
    yield "one"
    yield "two"
    return arguments["word"]


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    server = ControlServer(
        (tmp_path / "s").relative_to(tmp_path),
        {"echo": dict, "break": lambda _: 1 / 0, "refuse": refuse, "count": count},
    )
    yield server.path
    server.close()


def test_an_answer_is_what_the_command_gave(path):
    assert call(path, "echo", word="towpath") == {"word": "towpath"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_progress_comes_before_the_result(path):
    said = []
    assert call(path, "count", say=said.append, word="three") == "three"
    assert said == ["one", "two"]


def test_a_refusal_keeps_its_words_and_its_exit_code(path):
    with pytest.raises(RefusedError, match="taken") as refused:
        call(path, "refuse")
    assert (refused.value.hint, refused.value.exit_code) == ("choose another", Conflict.exit_code)


@pytest.mark.parametrize("command", ["break", "unknown"])
def test_a_fault_is_an_error_and_the_next_command_is_answered(path, command):
    with pytest.raises(RefusedError):
        call(path, command)
    assert call(path, "echo") == {}


def test_nobody_listening_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="no portal runs"):
        call(tmp_path / "s", "echo")


def hang_up(listener):
    with listener.accept()[0] as connection:
        connection.recv(1000)


def test_a_portal_that_ends_before_its_answer_is_not_taken_for_none(tmp_path, monkeypatch):
    """Who finds no portal does the command himself: it might be done twice."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        listener.listen()
        with ThreadPoolExecutor(1) as pool, pytest.raises(LostError):
            pool.submit(hang_up, listener)
            call(Path("s"), "echo")

"""Which release's log is shown; no engine runs here."""

import os

import pytest

from towpath.runtimes import logs
from towpath.runtimes.state import Instance, State, folder

LOGICAL = "orders.development"


@pytest.fixture
def written(settings):
    """Release r2 serves; r1 was drained and r3 failed, each with its last words after all that r2 said."""
    place = folder(LOGICAL) / "logs"
    place.mkdir(parents=True)
    for age, (release, words) in enumerate([("r2", "serving"), ("r1", "drained"), ("r3", "failed")], start=1):
        (place / f"{release}.log").write_text(f"{words}\n")
        os.utime(place / f"{release}.log", (age, age))


def test_the_log_of_the_release_that_serves_is_shown_and_followed(written):
    State(LOGICAL, current=Instance("r2", "program", 1, "/readyz", "/livez")).save()
    assert logs.tail(LOGICAL).lines == ["serving"]
    assert logs.after(LOGICAL, "r1", 0).lines == ["serving"]
    assert logs.after(LOGICAL, "r2", len("serving\n")).lines == []


def test_before_a_release_serves_the_newest_words_are_shown(written):
    assert logs.tail(LOGICAL).lines == ["failed"]


def test_a_service_without_a_log_has_no_lines(settings):
    assert logs.tail(LOGICAL).lines == []

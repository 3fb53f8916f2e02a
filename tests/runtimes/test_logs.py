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


def test_a_line_longer_than_a_piece_does_not_hold_up_what_follows(written):
    State(LOGICAL, current=Instance("r2", "program", 1, "/readyz", "/livez")).save()
    (folder(LOGICAL) / "logs" / "r2.log").write_text("x" * 25 + "\nnext\n")
    piece, seen = logs.Piece("r2", 0, []), []
    for _ in range(4):
        piece = logs.after(LOGICAL, "r2", piece.offset, limit_bytes=10)
        seen += piece.lines
    assert "".join(seen) == "x" * 25 + "next"


def test_before_a_release_serves_the_newest_words_are_shown(written):
    assert logs.tail(LOGICAL).lines == ["failed"]


def test_a_service_without_a_log_has_no_lines(settings):
    assert logs.tail(LOGICAL).lines == []


def test_of_a_flood_the_end_is_kept_and_not_all_of_it(written):
    path = folder(LOGICAL) / "logs" / "r3.log"
    with path.open("wb") as flood:
        flood.truncate(20 * logs.KEEP_BYTES)  # a file with a hole: large, not on the disk
        flood.seek(0, os.SEEK_END)
        flood.write(b"the last words\n")
    logs.rotate(LOGICAL)
    kept = path.with_suffix(".log.1")
    assert (kept.stat().st_size, path.stat().st_size) == (logs.KEEP_BYTES, 0)
    assert kept.read_bytes().endswith(b"the last words\n")


T = "2026-01-02T03:04:05.678Z"
DEEP = '{"message": ' + "[" * 200_000


@pytest.mark.parametrize(
    ("line", "moment", "text"),
    [
        pytest.param("plain {words}", "", "plain {words}", id="text stays as it is"),
        pytest.param(f'{{"message": "up", "time": "{T}", "level": "info"}}', T, "up", id="info needs no word"),
        pytest.param(
            f'{{"msg": "no", "timestamp": "{T}", "level": "error", "user": 7}}', T, "ERROR no user=7", id="all"
        ),
        pytest.param('{"not": "a log"}', "", '{"not": "a log"}', id="JSON without a message is output"),
        pytest.param('{"broken', "", '{"broken', id="half a line"),
        pytest.param(DEEP, "", DEEP, id="deeper than a reader can go"),
        pytest.param('{"msg": "\\ud800"}', "", "?", id="half a surrogate pair"),
        pytest.param('{"msg": "a", "time": 1767323045.678}', T, "a", id="seconds since 1970"),
        pytest.param('{"msg": "a", "time": 1767323045678}', T, "a", id="milliseconds since 1970"),
        pytest.param('{"msg": "a", "time": 1e300}', "", "a", id="no year of ours"),
        pytest.param('{"msg": "a", "time": NaN}', "", "a", id="not a number"),
        pytest.param('{"msg": "a", "time": true}', "", "a", id="not a time"),
        pytest.param('{"msg": "a", "time": "1690000000.5"}', "", "a", id="a number as text"),
        pytest.param(
            '{"msg": "a", "time": "2026-01-02 03:04:05,678"}', "2026-01-02 03:04:05,678", "a", id="a blank for T"
        ),
    ],
)
def test_a_line_is_told_in_words(line, moment, text):
    assert logs.told(line) == (moment, text)

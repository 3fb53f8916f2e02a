"""How values read on screen."""

from datetime import UTC, datetime, timedelta

import pytest

from towpath.ui import format as formats
from towpath.ui import service

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "text"),
    [(3, "just now"), (45, "45 s ago"), (200, "3 min ago"), (7300, "2 h ago"), (200000, "2 d ago"), (-90, "in 1 min")],
)
def test_times_are_relative(ago, text):
    assert formats.relative(NOW - timedelta(seconds=ago), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.01, "< 0.1 s"), (0.42, "0.4 s"), (12, "12 s"), (72, "1 m 12 s"), (7500, "2 h 5 m")],
)
def test_durations_are_human(seconds, text):
    assert formats.duration(seconds) == text


def test_a_relation_reads_as_words():
    assert formats.spaced("providesApi") == "provides API"
    assert formats.spaced("apiProvidedBy") == "API provided by"


def test_long_texts_are_short_in_the_middle_and_commits_at_the_end():
    assert formats.short("sha256:" + "0123456789abcdef" * 4, 20) == "sha256:012" + "…" + "789abcdef"
    assert formats.short("0525e4ddf1219ea8", 8) == "0525e4dd"


def test_json_in_a_page_cannot_end_its_script():
    assert "</script>" not in service.as_json({"x": "</script><script>alert(1)</script>"})

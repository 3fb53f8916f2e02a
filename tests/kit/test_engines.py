"""Engines and the records by which a later process finds them."""

import pytest

from towpath.kit import engines


@pytest.mark.parametrize("recorded", [True, False])
def test_an_engine_whose_starter_was_killed_before_its_record_is_ended(settings, recorded):
    settings.folder("engines")
    stray, other = (engines.spawn(name, ["/bin/sleep", "60"]) for name in ("postgres", "edge"))
    if not recorded:
        (settings.folder("engines") / "postgres.json").unlink()
    try:
        if engines.adopt("postgres") is None:
            engines.end_strays("postgres")
        assert engines.alive(stray.pid, stray.started) is recorded
        assert engines.alive(other.pid, other.started)
    finally:
        engines.end(stray)
        engines.end(other)

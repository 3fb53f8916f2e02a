"""A portal that dies at the worst moment goes on at the next start: once per kind of run (the whole matrix, and PostgreSQL, are in bench)."""

import pytest
from bench import bench_kill9 as kill9

CASES = [
    ("task/publish/after-do", "create"),
    ("pipeline/workflow/before-do", "create"),
    ("deployment/apply/after-do", "create"),
    ("deletion/repositories.repository/after-do", "delete"),
]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("place", "story"), CASES, ids=lambda value: value)
def test_a_killed_portal_resumes_and_leaves_no_orphan(layers, place, story):
    assert kill9.case(place, story, layers) == "resumed"

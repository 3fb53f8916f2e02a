"""A Score file is read with all its problems, each at its place."""

from pathlib import Path

import pytest

from towpath.kit.errors import Invalid
from towpath.orchestrator.stages.load import load

SAMPLES = Path(__file__).parent / "samples"


def workload(body, resources=""):
    head = "apiVersion: score.dev/v1b1\nmetadata:\n  name: orders\ncontainers:\n  main:\n    image: .\n"
    return f"{head}{body}{resources}".encode()


def problems(data):
    with pytest.raises(Invalid) as raised:
        load(data)
    return raised.value.problems


def test_all_problems_of_the_shape_come_at_once_with_their_places():
    data = b"""apiVersion: score.dev/v2
metadata:
  name: Orders!
containers:
  main:
    image: .
    variables:
      PORT: 8080
resources:
  db:
    type: postgres
    properties: {}
"""
    found = {(one.path, one.line, one.column) for one in problems(data)}
    assert found == {
        ("apiVersion", 1, 13),
        ("metadata.name", 3, 9),
        ("containers.main.variables.PORT", 8, 13),
        ("resources.db.properties", 12, 5),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${VAR:-default}", "a placeholder of"),
        ("${pod.status.hostIP}", "a placeholder of"),
        ("${}", "a placeholder of"),
        ("${resource.db.host}", "a placeholder of"),
        ("${resources.nope.host}", "a resource of this workload"),
        ("${resources.db}", "an output after"),
        ("${metadata.nope}", "a key of this workload"),
    ],
)
def test_a_wrong_placeholder_is_named_at_its_place(text, expected):
    body = f"    variables:\n      OK: plain\n      X: '{text}'\n"
    [problem] = problems(workload(body, "resources:\n  db:\n    type: postgres\n"))
    assert (problem.line, problem.column, problem.path) == (9, 10, "containers.main.variables.X")
    assert expected in problem.expected
    assert text in problem.found


def test_the_deprecated_lists_of_files_and_volumes_are_read():
    body = """    files:
      - target: /etc/a
        mode: "0644"
        content: [one, two]
    volumes:
      - target: /data
        source: ${resources.data}
        read_only: true
"""
    main = load(workload(body, "resources:\n  data:\n    type: volume\n")).score.containers["main"]
    assert main.files["/etc/a"].content == "one\ntwo"
    assert main.volumes["/data"].read_only


def test_containers_that_wait_for_each_other_are_refused():
    body = "    before: {side: {ready: started}}\n  side:\n    image: .\n    before: {main: {ready: complete}}\n"
    [problem] = problems(workload(body))
    assert problem.found == "main -> side -> main"


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_samples_of_the_specification_load(sample):
    assert load(sample.read_bytes(), sample.name).score.containers

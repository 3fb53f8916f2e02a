"""Templates are read as the peer reads them, and complaints name their place."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from towpath.catalog import ingest
from towpath.golden_paths import answers, service, spec
from towpath.kit.errors import Invalid
from towpath.sdk.types import SourceFile

PAGE = {
    "title": "Basics",
    "required": ["name", "owner"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z-]+$", "maxLength": 20},
        "owner": {"type": "string"},
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "kind": {"enum": ["a", "b"]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    },
}


def document(**changes: Any) -> dict[str, Any]:
    body = {"type": "service", "steps": [{"action": "debug:log"}], **changes}
    return {"kind": "Template", "metadata": {"name": "web", "title": "Web"}, "spec": body}


def test_one_page_and_many_are_the_same_and_steps_get_names() -> None:
    one, many, none = (spec.read(document(parameters=given)).spec for given in (PAGE, [PAGE], None))
    assert one.parameters == many.parameters == [PAGE]
    assert none.parameters == []
    assert (one.steps[0].id, one.steps[0].name) == ("step-1", "debug:log")


def test_every_problem_is_given_with_its_place() -> None:
    with pytest.raises(Invalid) as caught:
        spec.read(document(type="", steps=[{"id": "a"}, {"action": 1}]))
    assert [one.path for one in caught.value.problems] == ["spec.type", "spec.steps[0].action", "spec.steps[1].action"]


def test_a_second_step_of_the_same_id_and_a_broken_page_are_refused() -> None:
    steps = [{"id": "a", "action": "x"}, {"id": "a", "action": "x"}]
    with pytest.raises(Invalid) as caught:
        spec.read(document(steps=steps, parameters=[PAGE, {"properties": {"x": {"type": "strin"}}}]))
    assert [one.path for one in caught.value.problems] == [
        "spec.steps[1].id",
        "spec.parameters[1].properties.x.type",
    ]


def test_the_etag_follows_the_content_only() -> None:
    assert spec.read(document(), "a").etag == spec.read(document(), "b").etag != spec.read(document(owner="x")).etag


def test_answers_are_refused_in_the_shape_of_the_peer() -> None:
    found = answers.check(
        [PAGE, {"properties": {"name": {"type": "string"}}}], {"name": "No Way", "size": 12, "kind": "z"}
    )
    shapes = {(one["property"], one["name"], one["message"]) for one in found}
    assert shapes == {
        ("instance", "required", 'requires property "owner"'),
        ("instance.kind", "enum", "is not one of enum values: a,b"),
        ("instance.name", "pattern", 'does not match pattern "^[a-z-]+$"'),
        ("instance.size", "maximum", "must be less than or equal to 9"),
    }
    assert {"path", "property", "message", "schema", "instance", "name", "argument", "stack"} == set(found[0])
    assert {one.path for one in answers.problems(found)} == {"owner", "kind", "name", "size"}


def test_conditions_of_a_page_hold() -> None:
    page = {
        "properties": {"db": {"enum": ["none", "postgres"]}},
        "dependencies": {
            "db": {
                "oneOf": [
                    {"properties": {"db": {"enum": ["none"]}}},
                    {"properties": {"db": {"enum": ["postgres"]}, "size": {"type": "number"}}, "required": ["size"]},
                ]
            }
        },
    }
    assert answers.check([page], {"db": "none"}) == []
    assert answers.check([page], {"db": "postgres", "size": 1}) == []
    assert answers.check([page], {"db": "postgres"})


def test_every_shipped_template_is_readable() -> None:
    for path in service.shipped():
        spec.read(YAML(typ="safe").load(Path(path).read_text()), f"file:{path}")


@pytest.mark.parametrize(
    ("text", "taken"), [('One sentence: it\'s "it" 💥', True), ("a\nb", False), ("a\n", False), ("\0", False)]
)
def test_a_description_is_one_line(text: str, taken: bool) -> None:
    """Packages refuse a summary of several lines, and PostgreSQL a NUL: better said by the form than by the build."""
    path = next(path for path in service.shipped() if path.parent.name == "python-web-service")
    pages = spec.read(YAML(typ="safe").load(path.read_text()), f"file:{path}").spec.parameters
    values = {"name": "orders", "owner": "group:default/payments", "description": text}
    assert (answers.check(pages, values) == []) is taken


BROKEN = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: web}
spec:
  parameters:
    - properties: {size: {type: strin}}
  steps:
    - {id: a, action: "debug:log"}
    - {id: a}
"""


def test_a_broken_template_is_refused_with_every_problem_at_its_place() -> None:
    files = [SourceFile("towpath://web/blob/main/template.yaml", BROKEN.encode())]
    found = ingest.ingest(files, {"Template": spec.TEMPLATE}, ingest.Supply("url:x", granted=True))
    places = {one.path: (one.line, one.column, one.expected) for one in found.problems}
    assert found.entities == []
    assert places == {
        "spec.type": (5, 3, "a value"),
        "spec.steps[1].action": (9, 7, "a value"),
        "spec.steps[1].id": (9, 12, "an id of its own"),
        "spec.parameters[0].properties.size.type": (6, 33, "a JSON schema (draft-07)"),
    }
    assert {one.file for one in found.problems} == {files[0].url}
    assert all(one.found for one in found.problems)

"""The YAML loader: 1.2 core values, a place for every node, and never an exception but Invalid."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from towpath.kit import yaml
from towpath.kit.errors import Invalid

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("yes", "yes", id="1.1 booleans are text"),
        pytest.param("on: 1", {"on": 1}, id="a workflow's on stays on"),
        pytest.param("012", 12, id="a leading zero is not octal"),
        pytest.param("0o17", 15, id="0o is octal"),
        pytest.param("2024-01-02", "2024-01-02", id="dates are text"),
        pytest.param("1:30", "1:30", id="no sixties"),
        pytest.param("<<: {a: 1}", {"<<": {"a": 1}}, id="merge keys are plain keys"),
        pytest.param("a: {{ host }}", {"a": {"{ host }": None}}, id="a mapping as key is text"),
        pytest.param("{1: a, true: b, null: c}", {"1": "a", "true": "b", "": "c"}, id="keys are text"),
        pytest.param("!!str 12", "12", id="a tag wins"),
        pytest.param("9" * 400, float("inf"), id="a huge number is no crash"),
        pytest.param("0x" + "f" * 400, float("inf"), id="a huge hexadecimal number neither"),
    ],
)
def test_values_follow_yaml_1_2_core(text, value):
    assert yaml.load(text, "f.yaml").value == value


def test_every_node_knows_its_line_and_column():
    marks = yaml.load("a:\n  b.c/d: x\n  list:\n    - url: y\n", "f.yaml").marks
    assert marks.at("a.b.c/d") == (2, 10)
    assert marks.at("a.list[0].url") == (4, 12)
    assert marks.at("a.list[0].url", key=True) == (4, 7)
    assert marks.at("a.missing") == marks.at("a") == (2, 3)


def test_empty_documents_are_left_out_and_the_others_keep_their_number():
    assert [one.index for one in yaml.load_all("---\n---\na: 1\n---\n# nothing\n---\nb: 2\n", "f.yaml")] == [1, 3]


def test_a_repeated_key_names_the_place_of_both_and_spoils_only_its_document():
    documents, problems = yaml.read_all("a: 1\n---\nb: 1\nc: 2\nb: 3\n---\nd: 1\n", "f.yaml")
    assert [one.value for one in documents] == [{"a": 1}, {"d": 1}]
    assert (problems[0].line, problems[0].column) == (5, 1)
    assert "line 3" in problems[0].found


def test_broken_syntax_has_a_place_and_a_hint():
    with pytest.raises(Invalid) as caught:
        yaml.load_all("name: a: b", "f.yaml")
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.column) == ("f.yaml", 1, 8)
    assert "quotes" in problem.hint


def test_aliases_cannot_blow_up():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    began = time.monotonic()
    with pytest.raises(Invalid):
        yaml.load_all("\n".join(lines), "bomb.yaml")
    assert time.monotonic() - began < 10  # grown out it would be a thousand million nodes


@pytest.mark.parametrize("text", ["[" * 5000, "a: *b", "a: &a [*a]", b"\xff\xfe", "a: \x00", "\udc80", "@x", "%x"])
def test_what_cannot_be_read_is_invalid_and_nothing_else(text):
    with pytest.raises(Invalid):
        yaml.load_all(text, "f.yaml")


@given(st.text(alphabet=st.characters(codec=None), max_size=80) | st.text("[]{}:-&*!|>'\"#%@,?\n\t a1", max_size=60))
def test_any_text_gives_documents_or_invalid(text):
    documents, problems = yaml.read_all(text, "f.yaml")
    assert all(one.line and one.column for one in problems)
    assert all(one.marks.at(())[0] >= 1 for one in documents)


@given(PLAIN)
def test_what_is_dumped_is_read_back(value):
    documents = yaml.load_all(yaml.dump(value), "f.yaml")
    assert [one.value for one in documents] == ([] if value is None else [value])


def test_pydantic_errors_become_problems_with_places():
    class Inner(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str
        size: int

    class Outer(BaseModel):
        items: list[Inner]

    document = yaml.load("items:\n- name: 3\n  sise: 1\n", "f.yaml")
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.value)
    found = {one.path: one for one in yaml.problems_of(caught.value, document.marks, "f.yaml")}
    assert str(found["items[0].name"]) == "f.yaml:2:9: items[0].name: expected text; found 3"
    assert (found["items[0].sise"].line, found["items[0].sise"].column) == (3, 3)
    assert found["items[0].size"].found == "nothing"


def test_halves_of_a_character_are_joined_and_one_alone_is_a_problem_at_its_place():
    assert yaml.load('a: "\\ud83d\\ude00"', "f.yaml").value == {"a": "\U0001f600"}
    documents, problems = yaml.read_all('ok: 1\n---\nb:\n  a: "x\\ud83d"\n---\nok: 2\n', "f.yaml")
    assert [one.value for one in documents] == [{"ok": 1}, {"ok": 2}]
    assert [(one.line, one.column, one.expected) for one in problems] == [(4, 6, "whole characters")]


@pytest.mark.parametrize("text", ["a: " + "[" * 10_000, "a: [" + "x," * 200_000], ids=["deep", "large and broken"])
def test_a_file_that_is_broken_for_good_is_refused_soon(text):
    """A second parser in pure Python would hold up every other request for minutes."""
    began = time.monotonic()
    assert yaml.read_all(text, "f.yaml")[1]
    assert time.monotonic() - began < 3

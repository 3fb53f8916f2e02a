"""Conditions give values, and errors say where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.kit import expressions
from towpath.kit.errors import Invalid

ROW = {"environment": {"name": "production"}, "replicas": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("environment.name == 'production' && replicas > 2", True),
        ("environment.name in ['staging', 'development']", False),
        ("has(environment.type)", False),
        ("replicas * 2", 6),
    ],
)
def test_an_expression_reads_its_context(text, value):
    assert expressions.compile(text).evaluate(ROW) == value


def test_a_syntax_error_points_into_the_document_that_holds_the_expression():
    place = expressions.Place("rules.yaml", line=12, column=9, path="spec.match")
    with pytest.raises(Invalid) as raised:
        expressions.compile("replicas ==", place)
    problem = raised.value.problems[0]
    assert (problem.file, problem.line, problem.column, problem.path) == ("rules.yaml", 12, 20, "spec.match")


def test_a_missing_key_hints_at_has():
    with pytest.raises(Invalid) as raised:
        expressions.compile("environment.nope == 1").evaluate(ROW)
    assert "has(" in raised.value.problems[0].hint


def test_an_unknown_variable_is_named():
    with pytest.raises(Invalid, match="nobody"):
        expressions.compile("nobody.name == 'x'").evaluate(ROW)


def test_a_condition_must_be_true_or_false():
    with pytest.raises(Invalid) as raised:
        expressions.compile("replicas").holds(ROW)
    assert raised.value.problems[0].found == "3"


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_compiles_or_is_invalid(text):
    try:
        expressions.compile(text)
    except Invalid as error:
        assert error.problems[0].line or error.problems[0].expected  # noqa: PT017

"""Placeholders are read as the Score reference reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.kit.errors import Invalid
from towpath.orchestrator.stages import placeholders
from towpath.orchestrator.stages.placeholders import Ref

VALUES = {"metadata": {"name": "orders", "a.b": "dotted", "n": 3, "m": {"k": [1, "x"]}}}


def resolve(ref):
    if ref.root not in VALUES:
        raise Invalid(f"'{ref.text}' is unknown")
    return placeholders.lookup(VALUES[ref.root], ref.path[1:], ref)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("abc", "abc"),
        ("$abc", "$abc"),
        ("abc $", "abc $"),
        ("abc $$ abc", "abc $ abc"),
        ("$${abc}", "${abc}"),
        ("$$${metadata.name}", "$orders"),
        ("$$$${metadata.name}", "$${metadata.name}"),
        ("${abc", "${abc"),
        ("$$10 and $${metadata.name", "$10 and ${metadata.name"),
        ("my name is ${metadata.name}", "my name is orders"),
        ("${metadata.name}-${metadata.n}", "orders-3"),
        ("${metadata.a\\.b}", "dotted"),
        ("${metadata.m}", '{"k":[1,"x"]}'),
        ("${metadata.m.k}", '[1,"x"]'),
    ],
)
def test_texts_become_what_score_makes_of_them(text, result):
    assert placeholders.substitute(text, resolve) == result


@pytest.mark.parametrize("text", ["${}", "${unknown.x}", "${metadata.nope}", "${metadata.m.k.0}", "${metadata.name.x}"])
def test_a_placeholder_without_value_is_invalid(text):
    with pytest.raises(Invalid):
        placeholders.substitute(text, resolve)


def test_a_value_that_is_one_placeholder_keeps_its_type():
    assert placeholders.fill({"n": "${metadata.n}", "t": ["${metadata.n}!"]}, resolve) == {"n": 3, "t": ["3!"]}


def test_known_roots_are_filled_and_the_rest_stays_a_template():
    text = "$${x} ${metadata.name} ${resources.db.host}"
    assert placeholders.fill_known(text, {"metadata": resolve}) == "$${x} orders ${resources.db.host}"


@given(st.text(alphabet="$ {}ab.\\", max_size=30))
def test_an_escaped_text_reads_back_as_itself(text):
    assert placeholders.substitute(placeholders.escape(text), resolve) == text


@given(st.text(alphabet="$ {}ab.", max_size=30))
def test_literals_and_placeholders_together_are_the_whole_text(text):
    pieces = placeholders.tokens(text)
    shown = "".join(placeholders.escape(one) if isinstance(one, str) else f"${{{one.text}}}" for one in pieces)
    assert placeholders.tokens(shown) == pieces
    assert all(one.path for one in pieces if isinstance(one, Ref))

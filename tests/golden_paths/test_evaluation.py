"""`if`, `each` and inputs of a step mean what they mean for the peer; rendered by the real engine."""

from typing import Any

import pytest
from pydantic import BaseModel

from towpath.golden_paths import evaluation, rendering
from towpath.golden_paths.secrecy import Mask
from towpath.golden_paths.spec import TemplateStep
from towpath.kit.errors import Invalid, NotFound, Problem

SCOPE = {
    "parameters": {"n": 0, "s": "1", "l": ["x", "y"], "o": {"a": 1, "b": 2}, "e": "", "empty": [], "none": {}},
    "steps": {"make-it": {"output": {"url": "u"}}},
    "user": {"ref": "user:default/ada"},
    "context": {"task": {"id": "t"}},
}


class Takes(BaseModel):
    text: str = "unset"
    number: int = 7


def turns(secrets: dict[str, str] | None = None, **step: Any) -> list[evaluation.Turn] | None:
    given = TemplateStep.model_validate({"id": "a", "action": "x", **step})
    return evaluation.turns(given, Takes, SCOPE, secrets or {}, rendering.values)


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        (True, True),
        (False, False),
        (None, False),
        ("", False),
        ("${{ parameters.n }}", False),
        ("${{ parameters.s }}", True),
        ("${{ parameters.missing }}", False),
        ("${{ parameters.empty }}", False),
        ("${{ parameters.none }}", True),
        ("${{ parameters.s === '1' }}", True),
        ("${{ parameters.l | length > 2 }}", False),
        ("${{ not parameters.e }}", True),
    ],
)
def test_a_condition_holds_as_for_the_peer(condition: Any, runs: bool) -> None:
    assert (turns(**{"if": condition}) is not None) is runs


def test_input_keeps_types_and_drops_what_is_undefined() -> None:
    made = turns(input={"number": "${{ parameters.n }}", "text": "${{ parameters.missing }}"})
    assert made is not None
    assert made[0].takes == Takes(number=0)
    made = turns(input={"text": "v-${{ steps['make-it'].output.url }}"})
    assert made is not None
    assert made[0].takes == Takes(text="v-u")


def test_each_walks_lists_and_objects_and_skips_where_its_condition_is_false() -> None:
    over_list = turns(each="${{ parameters.l }}", input={"text": "${{ each.key }}=${{ each.value }}"})
    over_object = turns(
        each="${{ parameters.o }}", input={"text": "${{ each.key }}"}, **{"if": "${{ each.value == 2 }}"}
    )
    assert [one.takes for one in over_list or []] == [Takes(text="0=x"), Takes(text="1=y")]
    assert [one.takes for one in over_object or []] == [Takes(text="b")]
    assert turns(each=[]) == []


def test_each_over_a_number_is_refused() -> None:
    with pytest.raises(Invalid, match=r"steps\.a\.each"):
        turns(each="${{ parameters.n }}")


def test_a_wrong_input_names_step_turn_and_field_before_anything_runs() -> None:
    with pytest.raises(Invalid) as caught:
        turns(each=[1, "two"], input={"number": "${{ each.value }}"})
    assert [one.path for one in caught.value.problems] == ["steps.a[1].input.number"]


def test_outputs_become_lists_by_name_with_each() -> None:
    step = TemplateStep.model_validate({"id": "a", "action": "x", "each": [1, 2]})
    assert evaluation.gathered(step, [{"a": 1}, {"a": 2, "b": 3}]) == {"a": [1, 2], "b": [None, 3]}
    assert evaluation.gathered(step, []) == {}


def test_only_named_secrets_reach_a_step_and_none_its_condition() -> None:
    given = {"id": "a", "action": "x", "input": {"text": "${{ secrets.token }} ${{ secrets['other-one'] }}"}}
    assert evaluation.secrets_named(TemplateStep.model_validate(given)) == {"token", "other-one"}
    made = turns({"token": "t0p"}, input={"text": "${{ secrets.token }}"})
    assert made is not None
    assert made[0].takes == Takes(text="t0p")
    assert turns({"token": "t0p"}, **{"if": "${{ secrets.token }}"}, input={"text": "${{ secrets.token }}"}) is None


def test_a_mask_covers_logs_results_and_errors() -> None:
    mask, heard = Mask(["s3cret", "two\nlines"]), list[str]()
    mask.log(heard.append)("a s3cret, and lines")
    error = mask.error(NotFound("no s3cret", problems=[Problem("x", found="'s3cret'")]))
    assert heard == ["a ***, and ***"]
    assert mask.json({"a": ["s3cret", 1]}) == {"a": ["***", 1]}
    assert isinstance(error, NotFound)
    assert "s3cret" not in str(error)
    assert "s3cret" not in str(mask.error(ValueError("s3cret")))

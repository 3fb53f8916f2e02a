"""What one step of a template does, decided: its condition, its repetitions, its input. Pure but for the renderer given."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from towpath.golden_paths import spec
from towpath.golden_paths.spec import TemplateStep
from towpath.kit.errors import Invalid

Render = Callable[[Any, Mapping[str, Any]], Any]
"""Renders every string of a JSON value in a context; a sole expression keeps its type, an undefined one its key out."""
_SECRET = re.compile(r"""secrets\s*(?:\.\s*([\w$]+)|\[\s*['"]([^'"]+)['"]\s*\])""")


@dataclass(frozen=True)
class Turn:
    """One execution of a step's action: `place` names it in errors, `takes` is its validated input."""

    place: str
    takes: BaseModel


def truthy(value: Any) -> bool:
    """Truth as a step's `if` counts it: false, null, "", 0 and [] are not, an empty object is."""
    return isinstance(value, Mapping) or bool(value)


def secrets_named(step: TemplateStep) -> set[str]:
    """Names of the secrets that a step's `input` or `each` asks for; no other secret reaches it."""
    text = orjson.dumps([step.input, step.each]).decode().replace('\\"', '"')
    return {dot or bracket for dot, bracket in _SECRET.findall(text)}


def turns(
    step: TemplateStep,
    takes: type[BaseModel],
    scope: Mapping[str, Any],
    secrets: Mapping[str, str],
    render: Render,
) -> list[Turn] | None:
    """What to run, in order, every input checked before anything runs; None when the step's condition is false.

    Raises Invalid with step and field. `if` never sees a secret; `each` and `input` see those they name.
    """
    seen = {**scope, "secrets": dict(secrets)}
    if step.each is None:
        if step.conditional and not _wanted(step, scope, render):
            return None
        return [_turn(step, f"steps.{step.id}", takes, seen, render)]
    items = render({"each": step.each}, seen).get("each")
    if not isinstance(items, list | Mapping):
        raise Invalid(
            f"steps.{step.id}.each: expected a list or an object; found {type(items).__name__}",
            hint="give the step a list, or leave 'each' out",
        )
    pairs = items.items() if isinstance(items, Mapping) else ((str(at), one) for at, one in enumerate(items))
    found = []
    for number, (key, value) in enumerate(pairs):
        each = {"each": {"key": key, "value": value}}
        if step.conditional and not _wanted(step, {**scope, **each}, render):
            continue
        found.append(_turn(step, f"steps.{step.id}[{number}]", takes, {**seen, **each}, render))
    return found


def _wanted(step: TemplateStep, scope: Mapping[str, Any], render: Render) -> bool:
    return truthy(render({"if": step.if_}, scope).get("if"))


def _turn(step: TemplateStep, place: str, takes: type[BaseModel], scope: Mapping[str, Any], render: Render) -> Turn:
    try:
        return Turn(place, takes.model_validate(render(step.input, scope)))
    except ValidationError as error:
        raise Invalid(
            f"the action '{step.action}' of step '{step.id}' cannot use its input",
            problems=spec.problems(error, (place, "input")),
        ) from error


def gathered(step: TemplateStep, gives: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The step's outputs: those of its one turn, or with `each` a list by output name."""
    if step.each is None:
        return dict(gives[0])
    names = dict.fromkeys(name for one in gives for name in one)
    return {name: [one.get(name) for one in gives] for name in names}

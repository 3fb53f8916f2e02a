"""Second stage: which definition serves each resource, and why. Pure.

The order of strength, strongest first: its class named (over `*`), the resource named, the environment named, the
component named, the environment's type named, a condition. Definitions compare by the strongest field in which they
differ. Two that do not differ are an error that names both: nobody should have to guess which one was meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.kit import expressions
from towpath.kit.errors import Invalid
from towpath.orchestrator.stages.snapshot import Definition, Snapshot

FIELDS = ("class", "resource", "environment", "component", "environment type", "condition")


@dataclass(frozen=True)
class Asked:
    """A resource that looks for its definition: what the workload says about it."""

    type: str
    class_: str
    name: str
    id: str | None
    params: Mapping[str, Any]

    def as_context(self) -> dict[str, Any]:
        """The variable `resource` of conditions."""
        return {
            "type": self.type, "class": self.class_, "name": self.name, "id": self.id or "", "params": dict(self.params)
        }  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A definition of the type, whether it fits, and the sentence that says why or why not."""

    definition: Definition
    fits: bool
    why: str
    strength: tuple[int, ...] = ()


@dataclass(frozen=True)
class Matched:
    """The definition that serves a resource, why, and all that were looked at."""

    definition: Definition
    why: str
    candidates: tuple[Candidate, ...]


def candidates(asked: Asked, snapshot: Snapshot) -> list[Candidate]:
    """Every definition of the type, fitting ones first, strongest first, then by name."""
    found = [_judge(one, asked, snapshot) for one in snapshot.definitions if one.spec.type == asked.type]
    return sorted(found, key=lambda one: (not one.fits, [-part for part in one.strength], one.definition.name))


def match(asked: Asked, snapshot: Snapshot) -> Matched:
    """The strongest definition that fits; raises Invalid when there is none, or when two are equally strong."""
    looked_at = candidates(asked, snapshot)
    fitting = [one for one in looked_at if one.fits]
    if not fitting:
        raise _nobody(asked, looked_at, snapshot.definitions)
    best = fitting[0]
    rivals = [one for one in fitting[1:] if one.strength == best.strength]
    if rivals:
        names = " and ".join(f"'{one.definition.name}'" for one in (best, *rivals))
        raise Invalid(
            f"the definitions {names} fit '{asked.name}' equally well ({best.why})",
            hint="name the environment, component or resource in one of them",
        )
    why = best.why
    if len(fitting) > 1:
        why += f"; stronger than '{fitting[1].definition.name}' by {_decider(best, fitting[1])}"
    return Matched(best.definition, why, tuple(looked_at))


def _decider(best: Candidate, second: Candidate) -> str:
    differing = (name for name, one, other in zip(FIELDS, best.strength, second.strength, strict=True) if one != other)
    return f"its {next(differing)}"


def _judge(definition: Definition, asked: Asked, snapshot: Snapshot) -> Candidate:
    rule = definition.spec.match
    component = snapshot.component
    checks = [
        ("class", asked.class_, [] if definition.spec.class_ == "*" else [definition.spec.class_], [asked.class_]),
        ("resource", asked.name, rule.resource, [asked.name, asked.id or asked.name]),
        ("environment", snapshot.environment.name, rule.environment, [snapshot.environment.name]),
        ("component", component.name, rule.component, [component.name, component.ref]),
        ("environment type", snapshot.environment.type, rule.environment_type, [snapshot.environment.type]),
    ]
    reasons = [f"type is {asked.type}"]
    for name, shown, wanted, actual in checks:
        if wanted and not set(wanted) & set(actual):
            return Candidate(definition, False, f"{name} is {shown}, not {' or '.join(wanted)}")
        if wanted and not (name == "class" and shown == "default"):
            reasons.append(f"{name} is {shown}")
    if rule.when and not _holds(definition, asked, snapshot):
        return Candidate(definition, False, f"condition is false: {rule.when}")
    if rule.when:
        reasons.append(f"condition holds: {rule.when}")
    strength = (*(int(bool(wanted)) for _, _, wanted, _ in checks), int(bool(rule.when)))
    return Candidate(definition, True, ", ".join(reasons), strength)


def _holds(definition: Definition, asked: Asked, snapshot: Snapshot) -> bool:
    place = expressions.Place(definition.location or definition.name, path="spec.match")
    context = {"resource": asked.as_context(), **context_of(snapshot)}
    return expressions.compile(definition.spec.match.when, place).holds(context)


def context_of(snapshot: Snapshot) -> dict[str, Any]:
    """The variables `environment` and `component`, for conditions and for the placeholders of definitions."""
    component, environment = snapshot.component, snapshot.environment
    labels = component.doc.get("metadata", {}).get("labels") or {}
    return {
        "environment": {"name": environment.name, "type": environment.type},
        "component": {
            "name": component.name, "ref": component.ref, "namespace": component.namespace, "type": component.type or "",
            "owner": component.owner or "", "system": component.system or "", "lifecycle": component.lifecycle or "",
            "labels": dict(labels), "annotations": dict(component.annotations),
        },
    }  # fmt: skip


def _nobody(asked: Asked, looked_at: Sequence[Candidate], definitions: Sequence[Definition]) -> Invalid:
    if not looked_at:
        known = ", ".join(sorted({one.spec.type for one in definitions})) or "none"
        return Invalid(f"no definition for the resource type '{asked.type}'", hint=f"types with definitions: {known}")
    reasons = "; ".join(f"'{one.definition.name}': {one.why}" for one in looked_at)
    return Invalid(f"no definition of type '{asked.type}' fits '{asked.name}'", hint=reasons)

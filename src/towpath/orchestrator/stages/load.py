"""First stage: the bytes of a Score file become a typed workload, or every problem with its place. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from towpath.kit import yaml
from towpath.kit.errors import Invalid, Problem
from towpath.kit.marks import Marks, Path, format_path
from towpath.orchestrator.spec import Container, Score
from towpath.orchestrator.stages import placeholders
from towpath.orchestrator.stages.placeholders import Ref

ROOTS = ("metadata", "resources")
ESCAPE_HINT = "write '$${…}' when the text itself is meant"


@dataclass(frozen=True)
class Workload:
    """A loaded workload: the typed document, its metadata as written, and where everything stands."""

    score: Score
    metadata: Mapping[str, Any]
    file: str
    marks: Marks | None = None

    @property
    def name(self) -> str:
        """The workload's name."""
        return self.score.metadata.name

    def problem(self, path: Path, *, message: str = "", expected: str = "", found: str = "", hint: str = "") -> Problem:
        """A problem at a path of the document."""
        line, column = self.marks.at(path) if self.marks else (None, None)
        return Problem(message, self.file, line, column, format_path(path), expected, found, hint)


def load(source: bytes | str | Mapping[str, Any], file: str = "score.yaml") -> Workload:
    """Read one Score document. Raises Invalid with all its problems: shape first, then what the placeholders name."""
    if isinstance(source, Mapping):
        value, marks = dict(source), None
    else:
        document = yaml.load(source, file)
        value, marks = document.value, document.marks
    try:
        score = Score.model_validate(value)
    except ValidationError as error:
        raise Invalid(f"'{file}' is not a Score workload", problems=yaml.problems_of(error, marks, file)) from error
    workload = Workload(score, value["metadata"], file, marks)
    problems = [*_placeholders(workload), *_before(workload)]
    if problems:
        raise Invalid(f"'{file}' is not a workload that can be planned", problems=problems)
    return workload


def _placeholders(workload: Workload) -> Iterator[Problem]:
    for name, container in workload.score.containers.items():
        at = ("containers", name)
        yield from _check(workload, container.variables, (*at, "variables"))
        for target, file in container.files.items():
            if file.content is not None and not file.no_expand:
                yield from _check(workload, file.content, (*at, "files", target, "content"))
        for target, volume in container.volumes.items():
            yield from _check(workload, volume.source, (*at, "volumes", target, "source"), bare=True)
    for name, resource in workload.score.resources.items():
        yield from _check(workload, resource.params, ("resources", name, "params"))


def _check(workload: Workload, value: Any, at: Path, *, bare: bool = False) -> Iterator[Problem]:
    for inner, ref in placeholders.refs(value):
        expected, hint = _complaint(workload, ref, bare)
        if expected:
            yield workload.problem((*at, *inner), expected=expected, found=f"'${{{ref.text}}}'", hint=hint)


def _complaint(workload: Workload, ref: Ref, bare: bool) -> tuple[str, str]:
    """What was expected instead of this placeholder, and a hint; two empty texts when it is right."""
    if ref.root not in ROOTS:
        return "a placeholder of 'metadata' or 'resources'", ESCAPE_HINT
    if ref.root == "metadata":
        try:
            placeholders.lookup(workload.metadata, ref.path[1:], ref)
        except Invalid as error:
            return "a key of this workload's metadata", error.hint
        return ("", "") if len(ref.path) > 1 else ("a key after 'metadata.'", "")
    known = ", ".join(sorted(workload.score.resources)) or "none"
    if len(ref.path) < 2 or ref.path[1] not in workload.score.resources:
        return "a resource of this workload", f"resources here: {known}"
    if len(ref.path) == 2 and not bare:
        return "an output after the name of the resource", f"for example '${{{ref.text}.host}}'"
    return "", ""


def _before(workload: Workload) -> Iterator[Problem]:
    """Problems of the order in which containers start: `a.before.b` means that b waits for a."""
    containers = workload.score.containers
    for name, container in containers.items():
        for other in container.before:
            if other not in containers or other == name:
                expected = "another container of this workload"
                yield workload.problem(("containers", name, "before", other), expected=expected, found=f"'{other}'")
    cycle = find_cycle({name: _followers(containers, container) for name, container in containers.items()})
    if cycle:
        at = ("containers", cycle[0], "before")
        yield workload.problem(at, expected="an order without a circle", found=" -> ".join(cycle))


def _followers(containers: Mapping[str, Container], container: Container) -> list[str]:
    return [other for other in container.before if other in containers]


def find_cycle(edges: Mapping[str, list[str]]) -> list[str]:
    """The first circle in name order as [a, b, a], or an empty list; a name that follows itself is one too."""
    left = {name: {other for other in others if other in edges} for name, others in edges.items()}
    ends = [name for name, others in left.items() if not others]
    while ends:
        gone = ends.pop()
        del left[gone]
        for name, others in left.items():
            if gone in others:
                others.remove(gone)
                if not others:
                    ends.append(name)
    if not left:
        return []
    path = [min(left)]
    while path.count(path[-1]) < 2:  # every name left leads to another one left, so a name must come back
        path.append(min(left[path[-1]]))
    return path[path.index(path[-1]) :]

"""Planning without a portal: the documents that ship with the platform and a component made up from the workload. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from towpath.environments.spec import EnvironmentSpec, EnvironmentView
from towpath.kit import yaml
from towpath.kit.errors import Invalid, NotFound, Problem
from towpath.orchestrator.spec import ResourceDefinitionSpec
from towpath.orchestrator.stages.load import load
from towpath.orchestrator.stages.snapshot import Definition, Snapshot
from towpath.sdk.types import EntityView


def component_of(score: bytes | str | Mapping[str, Any], file: str = "score.yaml") -> EntityView:
    """A component named like the workload, for a plan before it is registered. Raises Invalid like `load`."""
    name = load(score, file).name
    return EntityView(
        uid="new", ref=f"component:default/{name}", kind="Component", namespace="default", name=name, title=name,
        type="service", owner=None, lifecycle=None, system=None, doc={"metadata": {"name": name}},
    )  # fmt: skip


def snapshot_of(files: Mapping[str, bytes], component: EntityView, environment: str) -> Snapshot:
    """A snapshot from documents by file name. Raises Invalid for wrong documents, NotFound for an unknown environment."""
    definitions: list[Definition] = []
    places: dict[str, EnvironmentView] = {}
    problems: list[Problem] = []
    for file, data in sorted(files.items()):
        for document in yaml.load_all(data, file):
            kind, name = document.value.get("kind"), document.value.get("metadata", {}).get("name", "")
            spec = document.value.get("spec", {})
            try:
                if kind == "ResourceDefinition":
                    definitions.append(Definition(name, ResourceDefinitionSpec.model_validate(spec), file))
                if kind == "Environment":
                    checked = EnvironmentSpec.model_validate(spec)
                    places[name] = EnvironmentView(name, name, checked.type, checked.order, checked.approval)
            except ValidationError as error:
                problems += yaml.problems_of(error, document.marks, file, at=("spec",))
    if problems:
        raise Invalid("the platform's documents are not valid", problems=problems)
    if environment not in places:
        raise NotFound(
            f"there is no environment '{environment}'", hint=f"environments here: {', '.join(sorted(places))}"
        )
    host = f"{component.name}.{environment}.localhost"
    return Snapshot(component, places[environment], host, "", tuple(definitions))

"""Score files: what the published schema and the words of the specification allow loads and plans, the rest is refused."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from towpath.environments.spec import EnvironmentView
from towpath.kit import yaml
from towpath.kit.errors import Invalid
from towpath.orchestrator.spec import ResourceDefinitionSpec
from towpath.orchestrator.stages.load import load
from towpath.orchestrator.stages.offline import component_of
from towpath.orchestrator.stages.plan import plan
from towpath.orchestrator.stages.snapshot import Definition, Snapshot

EVERYTHING = frozenset({"images", "containers", "ports", "files", "volumes", "limits", "exec-probes"})
PLACEHOLDER = re.compile(r"(?<!\$)\$\{([^}]*)\}")


def run(corpus: Path) -> Iterator[tuple[str, str]]:
    """Every Score file, planned for one environment by a runtime that can do everything and a driver for every type."""
    listed = json.loads((corpus / "MANIFEST.json").read_text())["files"]
    files = sorted(one["at"] for one in listed if one["area"] == "score" and one["role"] == "score")
    schema = json.loads(next((corpus / "score").rglob("score-v1b1.json")).read_text())
    for file in files:
        yield file, check((corpus / file).read_bytes(), file, Draft202012Validator(schema))


def check(data: bytes, file: str, schema: Draft202012Validator) -> str:
    """What is wrong with our answer, in words; empty when it is what the schema says."""
    try:
        document = yaml.load(data, file).value
    except Invalid as error:
        return f"not read: {error}"
    wrong = [error.message for error in schema.iter_errors(document)]
    wrong += [f"'${{{name}}}' names nothing" for name in _names(document) if not _known(document, name)]
    try:
        made = planned(data, file)
    except Invalid as error:
        placed = all(one.line and one.column for one in error.problems)
        if wrong:
            return "" if error.problems and placed else f"refused without a place: {error}"
        return f"refused: {error.problems[0] if error.problems else error}"
    if wrong:
        return f"taken, although {wrong[0]}"
    types = {one["type"] for one in document.get("resources", {}).values()}
    missing = types - {node.type for node in made.nodes}
    return f"not in the plan: {', '.join(sorted(missing))}" if missing else ""


def planned(data: bytes, file: str) -> Any:
    """The plan of a workload where a definition exists for each type and class it asks for."""
    workload, component = load(data, file), component_of(data, file)
    wanted = {"service", *(one.type for one in workload.score.resources.values())}
    definitions = tuple(
        Definition(type_, ResourceDefinitionSpec(**{"type": type_, "class": "*", "driver": type_}))
        for type_ in sorted(wanted)
    )
    return plan(workload, Snapshot(
        component, EnvironmentView("development", "Development", "development", 10, False),
        "sample.development.localhost", "", definitions, supports={"service": EVERYTHING},
    ))  # fmt: skip


def _names(value: Any) -> Iterator[str]:
    """What placeholders name, where the specification expands them; names without a shape are none."""
    for container in (value.get("containers") or {}).values() if isinstance(value.get("containers"), dict) else ():
        texts = [*(container.get("variables") or {}).values()]
        files = container.get("files") or {}
        for one in files.values() if isinstance(files, dict) else files:
            texts += [one.get("content")] if not one.get("noExpand") else []
        for text in texts:
            yield from PLACEHOLDER.findall(text) if isinstance(text, str) else ()


def _known(document: dict[str, Any], name: str) -> bool:
    root, *rest = re.split(r"(?<!\\)\.", name)
    if root == "metadata":
        return bool(rest)
    return root == "resources" and bool(rest) and rest[0] in (document.get("resources") or {})

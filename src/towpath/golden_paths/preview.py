"""What a golden path will make of the answers so far: its steps and the files of its skeletons, before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.golden_paths import evaluation, fetch, rendering
from towpath.golden_paths.spec import Template, TemplateStep
from towpath.kit.errors import TowpathError

SHOWN_FILES = 200


@dataclass(frozen=True)
class Planned:
    """One step as it stands: `skipped` when its condition is false for these answers; `about` names what it makes."""

    name: str
    action: str
    skipped: bool
    about: str


@dataclass(frozen=True)
class Preview:
    """Steps in order, paths of files in order (at most 200; `more` counts the rest)."""

    steps: list[Planned]
    files: list[str]
    more: int


def preview(template: Template, values: Mapping[str, Any], user: Mapping[str, Any], read: fetch.Sessions) -> Preview:
    """Evaluate conditions and names only; what cannot be known yet is left out, and nothing is written."""
    scope = {"parameters": dict(values), "steps": {}, "user": dict(user), "context": {"task": {"id": "preview"}}}
    steps, files = [], dict[str, None]()
    for step in template.spec.steps:
        given = _rendered(step, scope)
        skipped = given is None
        steps.append(Planned(step.name, step.action, skipped, _about(given or {})))
        if step.action in ("fetch:template", "fetch:plain") and given:
            files.update(dict.fromkeys(_files(template, step, given, read)))
    paths = sorted(files)
    return Preview(steps, paths[:SHOWN_FILES], max(0, len(paths) - SHOWN_FILES))


def _rendered(step: TemplateStep, scope: Mapping[str, Any]) -> dict[str, Any] | None:
    """The step's input, None when its condition is false, empty when it cannot be known yet."""
    try:
        if step.conditional and not evaluation.truthy(rendering.values({"if": step.if_}, scope).get("if")):
            return None
        return dict(rendering.values(step.input, {**scope, "secrets": {}}))
    except TowpathError:
        return {}


def _about(given: Mapping[str, Any]) -> str:
    for field in ("name", "component", "environment", "repoUrl", "filePath", "targetPath"):
        if isinstance(value := given.get(field), str) and value:
            return value
    return ""


def _files(template: Template, step: TemplateStep, given: Mapping[str, Any], read: fetch.Sessions) -> list[str]:
    try:
        found = list(fetch.tree(read, template.source, str(given.get("url", ""))))
        if step.action == "fetch:template":
            names, _ = rendering.files({one: one for one in found}, {}, {"values": given.get("values") or {}})
            found = [one for one in names.values() if one and not one.startswith("/") and "//" not in one]
    except TowpathError:
        return []
    prefix = str(given.get("targetPath") or "").strip("./")
    return [f"{prefix}/{one}" if prefix else one for one in found]

"""Templates: read, then run twice with the corpus's answers, and compared with what Backstage's own packages made.

Actions that only touch files run for real; of all others only the condition and the input are rendered, with no output.
Where Backstage passes a broken expression on as text, we fail its step with line and column: that counts as passed.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from towpath.catalog import substitute
from towpath.golden_paths import confine, evaluation, rendering, service, spec
from towpath.golden_paths.context import TaskContext
from towpath.golden_paths.spec import Template, TemplateStep
from towpath.kit import yaml
from towpath.kit.actor import Actor, Role
from towpath.kit.db import DatabaseRef
from towpath.kit.errors import Invalid, TowpathError
from towpath.sdk import plugins
from towpath.sdk.hooks import hook
from towpath.sdk.types import SourceFile

REAL = ("fetch:template", "fetch:plain", "fetch:template:file", "fetch:plain:file", "fs:rename", "fs:delete")


class Whatever(RootModel[dict[str, Any]]):
    """The input of an action that is only rendered."""

    model_config = ConfigDict(frozen=True)


class CorpusSource:
    """The corpus's repositories under `corpus://<folder>/blob/main/<path>`, as a Git host would serve them."""

    scheme = "corpus"
    needs_session = False

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, session: object, target: str) -> list[SourceFile]:
        """One file, or all below an address that ends in `/**`."""
        del session
        folder, path = target.removeprefix("corpus://").split("/blob/main/", 1)
        base = self._root / folder
        place = base / path.removesuffix("/**")
        files = sorted(place.rglob("*")) if path.endswith("/**") else [place]
        return [
            SourceFile(f"corpus://{folder}/blob/main/{one.relative_to(base).as_posix()}", one.read_bytes())
            for one in files
            if one.is_file()
        ]


class Offline(TaskContext):
    """A context without a database: the corpus needs no session."""

    def read(self) -> AbstractContextManager[Any]:
        """No session at all."""
        return nullcontext()


class Corpus:
    """A plugin that contributes the source."""

    def __init__(self, root: Path) -> None:
        self._source = CorpusSource(root)

    @hook
    def sources(self) -> list[CorpusSource]:
        return [self._source]


def run(corpus: Path) -> Iterator[tuple[str, str]]:
    """Every template with both of its runs."""
    root = corpus / "templates"
    expected = json.loads((root / "EXPECTED.json").read_text())
    plugins._manager[0].register(Corpus(root), name="corpus")
    for name, runs in sorted(expected["templates"].items()):
        yield f"templates/{name}", _template(root, name, runs, expected["user"])


def _template(root: Path, name: str, runs: Mapping[str, Any], user: Mapping[str, Any]) -> str:
    try:
        template = read(root, name)
    except TowpathError as error:
        unread = all(step.get("skipped") == "not a step" for step in runs["full"]["steps"])
        return "" if unread and _placed(error) else f"not read: {said(error)}"
    for variant in ("full", "min"):
        if problem := compare(template, runs[variant], user):
            return f"{variant}: {problem}"
    return ""


def said(error: TowpathError) -> str:
    """An error in one line."""
    return str(error.problems[0] if error.problems else error.message)


def read(root: Path, name: str) -> Template:
    """The template of `<file>` or of `<file>#<number of its document>`, its `$yaml` parts put in."""
    name, _, number = name.partition("#")
    folder, _, rest = name.partition("/")
    home = f"https://github.com/{folder.replace('__', '/')}/blob/main/"
    documents = yaml.load_all((root / name).read_bytes(), home + rest)
    document = documents[int(number)] if number else documents[0]
    parts = {url: root / folder / url.removeprefix(home) for url in substitute.targets(document.value, home + rest)}
    files = {url: SourceFile(url, path.read_bytes()) for url, path in parts.items() if path.is_file()}
    doc, problems, _ = substitute.apply(document, home + rest, files)
    if problems:
        raise Invalid("parts cannot be read", problems=problems)
    return spec.read(doc, f"url:corpus://{folder}/blob/main/{rest}")


def compare(template: Template, expected: Mapping[str, Any], user: Mapping[str, Any]) -> str:
    """What differs between our run and the expected one, in words; empty when nothing does."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(template, Path(folder), expected, user)
        for step, wanted in zip(template.spec.steps, expected["steps"], strict=False):
            try:
                if problem := run.step(step, wanted):
                    return f"step {step.id}: {problem}"
            except TowpathError as error:
                if "error" in wanted:
                    return "" if _placed(error) else f"step {step.id} fails without a line: {said(error)}"
                if not _stricter(error, step, wanted):
                    return f"step {step.id} failed: {said(error)}"
                if "simulated" not in wanted:
                    return ""  # the rest of the run needs what this step would have written
            if "error" in wanted:
                return f"step {step.id} does not fail: {wanted['error']}"
        return run.differences()


def _stricter(error: TowpathError, step: TemplateStep, wanted: Mapping[str, Any]) -> bool:
    """Whether Backstage passed a broken expression on as text, where we fail the step at its line and column."""
    condition = wanted.get("ran", True) and any(one.file == "if" for one in error.problems)
    kept = any(text in _texts(wanted.get("input")) for text in _texts(step.input) if "${{" in text)
    return _placed(error) and (condition or kept)


def _placed(error: TowpathError) -> bool:
    return bool(error.problems) and all(one.line and one.column for one in error.problems)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]


class Run:
    """One run of a template in a workspace of its own."""

    def __init__(
        self, template: Template, workspace: Path, expected: Mapping[str, Any], user: Mapping[str, Any]
    ) -> None:
        self._template, self._workspace, self._expected = template, workspace, expected
        self._actions = service.actions()
        self._scope: dict[str, Any] = {
            "parameters": dict(expected["parameters"]), "steps": {}, "user": dict(user),
            "context": {"task": {"id": "task-1"}}, "environment": {"parameters": {}},
        }  # fmt: skip

    def step(self, step: TemplateStep, wanted: Mapping[str, Any]) -> str:
        """Do one step; what differs, in words. What the corpus could not run either, it marks, and is left out."""
        if wanted.get("eachResolved") == "undefined":
            return ""
        turns = evaluation.turns(step, Whatever, self._scope, {}, rendering.values)
        inputs = [] if turns is None else [turn.takes.model_dump() for turn in turns]
        if wanted.get("ran", True) != (turns is not None):
            return "did not run" if turns is None else "ran"
        if "input" in wanted and inputs and wanted["input"] != inputs[0]:
            return difference(wanted["input"], inputs[0])
        real = self._actions.get(step.action) if step.action in REAL and "skipped" not in wanted else None
        for takes in inputs if real else ():
            real.run(_typed(step, real.takes, takes), self._context())
        if turns is not None:
            self._scope["steps"][step.id] = {"output": {}}
        return ""

    def differences(self) -> str:
        """How the tree differs, in words."""
        tree = {
            path: hashlib.sha256(Path(one.path).read_bytes()).hexdigest()
            for path, one in confine.walk(self._workspace)
            if one.is_file(follow_symlinks=False)
        }
        wanted = self._expected["files"]
        wrong = sorted(path for path in {*tree, *wanted} if tree.get(path) != wanted.get(path))
        if not wrong:
            return ""
        what = "missing" if wrong[0] not in tree else "unwanted" if wrong[0] not in wanted else "different"
        return f"{len(wrong)} of {len(wanted)} files differ: {wrong[0]} is {what}"

    def _context(self) -> TaskContext:
        return Offline(
            actor=Actor("user:default/jdoe", "corpus", Role.developer), key="compat", workspace=self._workspace,
            database=DatabaseRef("corpus", "sqlite://"), log=lambda text: None, cancelled=lambda: False,
            template_ref=self._template.ref, template_source=self._template.source,
        )  # fmt: skip


def difference(expected: Any, mine: Any, path: str = "input") -> str:
    """The first place where two values differ."""
    if isinstance(expected, dict) and isinstance(mine, dict):
        for key in sorted({*expected, *mine}):
            if expected.get(key, "absent") != mine.get(key, "absent"):
                return difference(expected.get(key, "absent"), mine.get(key, "absent"), f"{path}.{key}")
    return f"{path}: expected {str(expected)[:100]!r}; found {str(mine)[:100]!r}"


def _typed(step: TemplateStep, model: type[BaseModel], takes: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(takes)
    except ValidationError as error:
        raise Invalid(f"step {step.id}", problems=spec.problems(error, (step.id, "input"))) from error

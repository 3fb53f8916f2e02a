"""The run kind `task`: one act for each step of the pinned template, then the record of what was made."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from towpath.golden_paths import confine, evaluation, rendering, service
from towpath.golden_paths.context import TaskContext
from towpath.golden_paths.secrecy import Mask
from towpath.golden_paths.spec import REF, TemplateStep
from towpath.kit.db import Session
from towpath.kit.errors import Invalid
from towpath.sdk.types import Act, Context, Job, RunView
from towpath.secrets import service as secret_store
from towpath.secrets.service import SecretRef

RECORD = "record"
_SAFE_URL = re.compile(r"https?://|/(?!/)")


@dataclass(frozen=True)
class Work:
    """What a step needs, read in one short session: the scope of its expressions and references to its secrets."""

    template_ref: str
    template_source: str
    scope: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)


def steps(run: RunView) -> list[Act]:
    """The acts of a task, keyed by step id, in the order of the template."""
    pinned = run.input["template"]["spec"]
    found = [TemplateStep.model_validate(one) for one in pinned["steps"]]
    return [*(_step(one) for one in found), _record(pinned.get("output") or {})]


def _step(step: TemplateStep) -> Act:
    return Act(
        step.id,
        step.name,
        lambda session, run: _prepare(run),
        lambda work, ctx: perform(step, work, ctx),
    )


def _prepare(run: RunView) -> Work:
    results = {key: one for key, one in run.results.items() if isinstance(one, Mapping) and "output" in one}
    scope = {
        "parameters": run.input["parameters"],
        "steps": {key: {"output": one["output"]} for key, one in results.items()},
        "user": run.input["user"],
        "context": {"task": {"id": run.id}},
        "environment": {"parameters": {}},
    }
    template = run.input["template"]
    return Work(template["ref"], template["source"], scope, run.input.get("secrets") or {})


def perform(step: TemplateStep, work: Work, ctx: Context) -> dict[str, Any]:
    """Do one step: decide, render and check every input first, then run the action. Returns its output, or skipped."""
    action = service.actions().get(step.action)
    if action is None:
        raise Invalid(f"step '{step.id}' uses '{step.action}', which is not installed")
    secrets = _secrets(step, work, ctx)
    mask = Mask(secrets.values())
    log = mask.log(ctx.log)
    log(f"Beginning step {step.name}")
    try:
        turns = evaluation.turns(step, action.takes, work.scope, secrets, rendering.values)
        if turns is None:
            log(f"Skipping step {step.id} because its condition was false")
            return {"skipped": True}
        gives = []
        for number, turn in enumerate(turns):
            ctx.check()
            key = f"{ctx.key}[{number}]" if step.each is not None else ctx.key
            gave = action.run(turn.takes, _context(ctx, work, key, log))
            gives.append(gave.model_dump(mode="json", by_alias=True, exclude_none=True))
    except Exception as error:
        masked = mask.error(error)
        if masked is error:
            raise
        raise masked from None
    log(f"Finished step {step.name}")
    return {"output": mask.json(evaluation.gathered(step, gives))}


def _secrets(step: TemplateStep, work: Work, ctx: Context) -> dict[str, str]:
    wanted = evaluation.secrets_named(step) & work.secrets.keys()
    if not wanted:
        return {}
    with ctx.read() as session:
        return {name: secret_store.resolve(session, SecretRef(work.secrets[name])).reveal() for name in wanted}


def _context(ctx: Context, work: Work, key: str, log: Any) -> TaskContext:
    given = {one.name: getattr(ctx, one.name) for one in fields(Context)}
    given.update(key=key, log=log, template_ref=work.template_ref, template_source=work.template_source)
    return TaskContext(**given)


def _record(output: Mapping[str, Any]) -> Act:
    return Act(
        RECORD,
        "Record what was made",
        lambda session, run: _prepare(run),
        lambda work, ctx: _finish(output, work, ctx),
        _settle,
    )


def _finish(output: Mapping[str, Any], work: Work, ctx: Context) -> dict[str, Any]:
    """Hash the rendered tree and render the links; secrets are not in scope here."""
    tree = {
        path: hashlib.sha256(confine.entry(ctx.workspace, path).read_bytes()).hexdigest()
        for path, one in confine.walk(ctx.workspace)
        if one.is_file(follow_symlinks=False)
    }
    digest = hashlib.sha256("\n".join(f"{sha}  {path}" for path, sha in tree.items()).encode()).hexdigest()
    rendered = rendering.values(output, work.scope) if output else {}
    rendered["links"] = [link for one in rendered.get("links") or [] if (link := _link(one)) is not None]
    rendered["text"] = [_shown(one) for one in rendered.get("text") or [] if _kept(one)]
    entity = _output_named(work, "entityRef")
    return {"tree": tree, "digest": digest, "entity_ref": entity, "output": {**rendered, "entityRef": entity}}


def _settle(session: Session, run: RunView, work: Work, result: Mapping[str, Any]) -> dict[str, Any]:
    service.record(session, run.id, result["tree"], result["digest"], result["entity_ref"])
    return {"output": dict(result["output"])}


def _kept(one: Any) -> bool:
    return isinstance(one, Mapping) and ("if" not in one or evaluation.truthy(one["if"]))


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != "if"}


def _link(one: Any) -> dict[str, Any] | None:
    """A link to show, `entityRef` as the path of its page; None for one whose condition or address does not hold."""
    if not _kept(one):
        return None
    shown = _shown(one)
    reference = shown.get("entityRef")
    if isinstance(reference, str) and (entity := REF.fullmatch(reference)) and entity["kind"]:
        shown["url"] = f"/catalog/{entity['namespace'] or 'default'}/{entity['kind'].lower()}/{entity['name']}"
    url = shown.get("url")
    if not isinstance(url, str) or not _SAFE_URL.match(url):
        return None
    return {"title": str(shown.get("title") or url), **{key: shown[key] for key in shown if key != "title"}}


def _output_named(work: Work, name: str) -> str | None:
    found = [one["output"].get(name) for one in work.scope["steps"].values()]
    return next((one for one in reversed(found) if isinstance(one, str) and one), None)


def ended(session: Session, run: RunView) -> None:
    """Forget the secrets of a task that succeeded; any other keeps them for its retry."""
    if run.status == "succeeded" and run.input.get("secrets"):
        secret_store.remove_of(session, run.actor, f"run:{run.id}")


JOB = Job(service.KIND, steps, ended)

"""Golden paths: what is offered, what a path asks, starting one, and the record of what was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import towpath
from towpath.audit.service import audited, note
from towpath.catalog import service as catalog
from towpath.golden_paths import answers, queries, spec
from towpath.golden_paths.model import TaskRecord
from towpath.golden_paths.spec import Template
from towpath.kit import clock, events, ids
from towpath.kit.actor import Actor
from towpath.kit.db import Session
from towpath.kit.errors import Invalid, NotFound, Problem
from towpath.runs import service as runs
from towpath.sdk import plugins
from towpath.sdk.types import Action, RunView
from towpath.secrets import service as secret_store

KIND = "task"
SUBJECT_FIELDS = ("name", "component_id", "componentId", "componentName", "service_name", "repoName")


@dataclass(frozen=True)
class Offer:
    """One card of the gallery. `problems` is empty when the template can be used; `walked` counts finished starts."""

    ref: str
    template: Template | None
    title: str
    problems: tuple[Problem, ...]
    walked: int = 0


def shipped() -> list[Path]:
    """The `template.yaml` files that come with the package, from the wheel or the checkout's `examples`, by name."""
    package = Path(towpath.__file__).parent
    folders = (package / "examples", package.parents[1] / "examples")
    home = next((one for one in folders if (one / "golden_paths").is_dir()), folders[0])
    return sorted((home / "golden_paths").glob("*/template.yaml"))


def actions() -> dict[str, Action]:
    """Every action of this process by its id, in the order of ids."""
    found = plugins.collect(plugins.call().template_actions())
    return {one.id: one for one in sorted(found, key=lambda one: one.id)}


def gallery(session: Session) -> list[Offer]:
    """All templates of the organisation, by title; those that cannot be read come last, with their problems."""
    walked = queries.walked(session)
    offers = []
    for document in catalog.documents(session, "Template"):
        try:
            found = spec.read(document.doc, document.location)
        except Invalid as error:
            offers.append(Offer(document.ref, None, document.title or document.name, error.problems))
        else:
            offers.append(Offer(found.ref, found, found.title, (), walked.get(found.ref, 0)))
    return sorted(offers, key=lambda one: (one.template is None, one.title.lower()))


def template(session: Session, ref: str) -> Template:
    """The template a ref names (`template:default/x`, or `x`); raises NotFound, or Invalid when it cannot be used."""
    named = spec.REF.fullmatch(ref.strip())
    if named is None or (named["kind"] or "template").lower() != "template":
        raise NotFound(f"'{ref}' does not name a template", hint="write template:default/<name>")
    entity = catalog.get(session, f"template:{named['namespace'] or 'default'}/{named['name']}".lower())
    return spec.read(entity.doc, entity.location)


def schema(session: Session, ref: str) -> dict[str, Any]:
    """What the form needs: `{title, description?, presentation?, ui:options?, steps: [{title, description?, schema}]}`."""
    found = template(session, ref)
    steps = [
        {
            "title": page.get("title") or "Please enter the following information",
            **({"description": page["description"]} if page.get("description") else {}),
            "schema": page,
        }
        for page in found.spec.parameters
    ]
    options = found.metadata.get("ui:options")
    return {
        "title": found.title,
        **({"description": found.description} if found.description else {}),
        **({"presentation": found.spec.presentation} if found.spec.presentation else {}),
        **({"ui:options": options} if options else {}),
        "steps": steps,
    }


def complaints(
    session: Session, ref: str, values: Mapping[str, Any], secrets: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """All complaints about answers and secrets, in the peer's shape; empty when the path can start."""
    found = template(session, ref)
    wrong = answers.check(found.spec.parameters, values)
    declared = (found.spec.secrets or {}).get("schema")
    return wrong + (answers.check([declared], secrets or {}) if isinstance(declared, Mapping) else [])


@audited("golden_paths.create")
def start(
    session: Session,
    actor: Actor,
    template_ref: str,
    values: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
) -> RunView:
    """Queue the task that walks a path, with its spec pinned; raises Invalid with every problem of answers and template.

    Secrets go to the secret store under the run's name, only for a template that declares them; the run keeps references.
    """
    found = template(session, template_ref)
    note(session, subject=found.ref)
    wrong = answers.problems(complaints(session, found.ref, values, secrets))
    if secrets and found.spec.secrets is None:
        wrong.append(Problem("the template declares no secrets", path="secrets", hint="declare spec.secrets"))
    if wrong:
        raise Invalid("some answers cannot be accepted", problems=wrong)
    if unknown := _unknown_actions(found):
        raise Invalid(f"'{found.title}' uses actions that are not installed", problems=unknown)
    run_id = ids.uuid7()
    kept = {
        name: secret_store.put(session, actor, name, value, subject=f"run:{run_id}").id
        for name, value in (secrets or {}).items()
    }
    user = catalog.find(session, actor.ref)
    queries.add(session, _record(run_id, found, values, actor))
    events.emit(session, "golden_path.started", found.ref, {"run": run_id}, actor=actor.ref, root_id=run_id)
    return runs.start(
        session,
        actor,
        KIND,
        title=f"Create {made(values) or found.title}",
        subject=found.ref,
        input={
            "template": _pinned(found),
            "parameters": dict(values),
            "secrets": kept,
            "user": {"ref": actor.ref, **({"entity": dict(user.doc)} if user else {})},
        },
        run_id=run_id,
    )


def made(values: Mapping[str, Any]) -> str:
    """The name people gave what they create, from the fields templates use for it; empty when none does."""
    found = (values.get(field) for field in SUBJECT_FIELDS)
    return next((value for value in found if isinstance(value, str) and value), "")


def subject_field(found: Template) -> str:
    """The field of the form that names what is created; empty when it asks for none."""
    asked = {name for page in found.spec.parameters for name in page.get("properties") or {}}
    return next((field for field in SUBJECT_FIELDS if field in asked), "")


def _pinned(found: Template) -> dict[str, Any]:
    return {
        "ref": found.ref,
        "title": found.title,
        "source": found.source,
        "etag": found.etag,
        "version": found.version,
        "spec": found.spec.model_dump(mode="json", by_alias=True, exclude_unset=True),
    }


def _record(run_id: str, found: Template, values: Mapping[str, Any], actor: Actor) -> TaskRecord:
    return TaskRecord(
        run_id=run_id, template_ref=found.ref, template_etag=found.etag, template_version=found.version,
        template_source=found.source, parameters=dict(values), created_by=actor.ref, created_at=clock.now(),
    )  # fmt: skip


def _unknown_actions(found: Template) -> list[Problem]:
    known = actions()
    return [
        Problem(
            f"step '{step.id}' uses '{step.action}', which is not installed",
            path=f"spec.steps[{number}].action",
            hint="see /create/actions for what there is",
        )
        for number, step in enumerate(found.spec.steps)
        if step.action not in known
    ]


def record(session: Session, run_id: str, tree: Mapping[str, str], digest: str, entity_ref: str | None) -> None:
    """Keep what a walked path rendered and made; a second call writes the same."""
    row = queries.get(session, run_id)
    if row is None:
        raise NotFound(f"there is no task '{run_id}'")
    first = row.recorded_at is None
    row.tree, row.tree_digest, row.entity_ref, row.recorded_at = dict(tree), digest, entity_ref, clock.now()
    if first:
        data = {"run": run_id, "entity": entity_ref}
        events.emit(session, "golden_path.completed", row.template_ref, data, actor=row.created_by, root_id=run_id)


def task(session: Session, run_id: str) -> RunView:
    """One task; raises NotFound for a run of another kind too."""
    run = runs.get(session, run_id)
    if run.kind != KIND:
        raise NotFound(f"there is no task '{run_id}'")
    return run


def tasks(
    session: Session,
    *,
    created_by: Sequence[str] | None = None,
    status: Sequence[str] | None = None,
    newest_first: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[RunView], int]:
    """One page of tasks by the time of their start, and how many there are in all; `status` in the words of runs."""
    rows, total = queries.page(
        session, created_by=created_by, status=status, newest_first=newest_first, limit=limit, offset=offset
    )
    return runs.several(session, [row.run_id for row in rows]), total


@audited("runs.cancel")
def cancel(session: Session, actor: Actor, run_id: str) -> None:
    """Stop a task with what it started; Conflict when it ended already. Its secrets stay for a retry."""
    task(session, run_id)
    runs.cancel(session, actor, run_id)


@audited("runs.retry")
def retry(session: Session, actor: Actor, run_id: str, secrets: Mapping[str, str] | None = None) -> RunView:
    """Walk on from the step that did not succeed, with new values for secrets it had; Conflict while it runs."""
    run = task(session, run_id)
    strange = sorted(set(secrets or {}) - set(run.input.get("secrets") or {}))
    if strange:
        raise Invalid(
            "a retry replaces secrets the task had", problems=[Problem("was not given", path=name) for name in strange]
        )
    for name, value in (secrets or {}).items():
        secret_store.put(session, actor, name, value, subject=f"run:{run_id}")
    return runs.retry(session, actor, run_id)


def links(run: RunView) -> list[dict[str, str]]:
    """What a finish panel links beside the template's own links, which head the page: entity page, addresses of steps."""
    gave: dict[str, Any] = {}
    for result in run.results.values():
        gave.update((result or {}).get("output") or {})
    own = {one.get("url") for one in run.output.get("links") or [] if isinstance(one, dict)}
    found: list[dict[str, str]] = []
    entity = spec.REF.fullmatch(str(gave.get("entityRef") or ""))
    if entity and entity["kind"]:
        address = f"/catalog/{entity['namespace'] or 'default'}/{entity['kind'].lower()}/{entity['name']}"
        found.append({"title": "Catalog page", "url": address, "icon": "layout-grid"})
    for field, title, icon in (("url", "Service", "globe"), ("repositoryPage", "Repository", "git-branch")):
        address = str(gave.get(field) or "")
        if address.startswith(("http://", "https://", "/")):
            found.append({"title": title, "url": address, "icon": icon})
    return [one for one in {one["url"]: one for one in found}.values() if one["url"] not in own]


def texts(run: RunView) -> list[dict[str, Any]]:
    """Texts of the template's output: `{title?, content, icon?}`."""
    return [one for one in run.output.get("text") or [] if isinstance(one, dict) and one.get("content")]


def record_of(session: Session, run_id: str) -> TaskRecord | None:
    """The record of one task: template version, answers, rendered tree."""
    return queries.get(session, run_id)

"""A task from its wish to its record, its acts called as the executor calls them, on a real skeleton and engine."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from towpath.catalog import service as catalog
from towpath.golden_paths import jobs, queries, service, task_events
from towpath.golden_paths.actions import debug_log
from towpath.kit import db
from towpath.kit.actor import Actor
from towpath.kit.errors import Conflict, Forbidden, Invalid, NotFound
from towpath.runs import service as runs
from towpath.runs.executor import Executor
from towpath.sdk.types import RunView, SourceFile
from towpath.secrets import service as secrets

TEMPLATE = """
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: web, title: Web service, tags: [python]}
spec:
  type: service
  owner: group:default/payments
  parameters:
    - title: Basics
      required: [name]
      properties:
        name: {type: string, pattern: "^[a-z-]+$"}
        docs: {type: boolean}
        parts: {type: array, items: {type: string}}
  secrets:
    schema: {type: object, properties: {token: {type: string}}}
  steps:
    - id: fetch-base
      name: Render the skeleton
      action: fetch:template
      input: {url: ./skeleton, values: {name: "${{ parameters.name }}", parts: "${{ parameters.parts }}"}}
    - id: docs
      if: ${{ parameters.docs }}
      action: debug:log
      input: {message: documented}
    - id: each
      each: ${{ parameters.parts }}
      action: debug:log
      input: {message: "part ${{ each.value }}"}
    - id: secret
      action: debug:log
      input: {message: "with ${{ secrets.token }}"}
    - id: write
      action: catalog:write
      input: {entity: {kind: Component, metadata: {name: "${{ parameters.name }}"}}}
  output:
    links:
      - {title: Page, entityRef: "component:default/${{ parameters.name }}"}
      - {title: Home, url: "https://example.com/${{ parameters.name }}"}
      - {title: Bad, url: "javascript:alert(1)"}
      - {title: Left out, url: /x, if: "${{ parameters.docs }}"}
    text: [{title: Next, content: "Run ${{ user.ref }}"}]
"""


@pytest.fixture
def template(tmp_path: Path, organisation: db.DatabaseRef, administrator: Actor) -> str:
    folder = tmp_path / "web"
    skeleton = folder / "skeleton"
    (skeleton / "${{ values.name }}").mkdir(parents=True)
    (skeleton / "${{ values.name }}" / "main.py").write_text("NAME = ${{ values.name | dump }}\n")
    (skeleton / "run.sh").write_text("{%- for part in values.parts %}${{ part }};{% endfor %}\n")
    (skeleton / "run.sh").chmod(0o755)
    (skeleton / "logo.png").write_bytes(b"\x89PNG\0${{ values.name }}")
    (skeleton / "{% if values.absent %}x{% endif %}").write_text("never")
    (folder / "template.yaml").write_text(TEMPLATE)
    file = SourceFile(f"file:{folder}/template.yaml", TEMPLATE.encode())
    with db.write(organisation) as session:
        catalog.load_granted(session, administrator, "test", [file])
    return "template:default/web"


VALUES = {"name": "orders", "docs": False, "parts": ["a", "b"]}


def start(ref: db.DatabaseRef, actor: Actor, template: str, values: Any = None, **given: Any) -> RunView:
    with db.write(ref) as session:
        return service.start(session, actor, template, values or VALUES, **given)


def walk(ref: db.DatabaseRef, run_id: str, monkeypatch: pytest.MonkeyPatch) -> RunView:
    monkeypatch.setattr("towpath.kit.jobs.checkpoint", lambda name, call: call())  # no durable workflow around it
    Executor({"task": jobs.JOB}, lambda organisation: ref).execute(ref.name, run_id)
    with db.read(ref) as session:
        return runs.get(session, run_id)


def test_a_walked_path_records_answers_version_and_tree(
    organisation: db.DatabaseRef, developer: Actor, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(organisation, developer, template, secrets={"token": "hunter22"})
    ended = walk(organisation, started.id, monkeypatch)
    assert (ended.status, ended.error) == ("succeeded", None)
    with db.read(organisation) as session:
        record = queries.get(session, started.id)
        lines = [line.text for line in runs.lines(session, started.id)]
        kept = secrets.listed(session, f"run:{started.id}")
    assert record is not None
    assert record.parameters == VALUES
    assert {path: sha for path, sha in (record.tree or {}).items() if path != "catalog-info.yaml"} == {
        "logo.png": sha256(b"\x89PNG\0${{ values.name }}").hexdigest(),
        "orders/main.py": sha256(b'NAME = "orders"\n').hexdigest(),
        "run.sh": sha256(b"a;b;\n").hexdigest(),
    }
    assert "catalog-info.yaml" in (record.tree or {})
    assert len(record.template_etag) == len(record.tree_digest or "") == 64
    assert [one["url"] for one in ended.output["links"]] == [
        "/catalog/default/component/orders",
        "https://example.com/orders",
    ]
    assert ended.output["text"][0]["content"] == "Run user:default/developer"
    assert {"part a", "part b", "with ***"} <= set(lines)
    assert "documented" not in lines
    assert "hunter22" not in repr((ended, lines))
    assert kept == []


def test_a_failing_step_stops_the_task_and_keeps_its_secrets_for_the_retry(
    organisation: db.DatabaseRef, developer: Actor, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(organisation, developer, template, {**VALUES, "parts": []}, secrets={"token": "hunter22"})
    with db.read(organisation) as session:
        pinned = runs.get(session, started.id).input["template"]["source"].removeprefix("file:")
    skeleton = Path(pinned).parent / "skeleton"
    moved = skeleton.rename(skeleton.with_name("gone"))
    ended = walk(organisation, started.id, monkeypatch)
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error["step"] == "fetch-base"
    moved.rename(skeleton)
    with db.write(organisation) as session:
        service.retry(session, developer, started.id, {"token": "hunter33"})
    assert walk(organisation, started.id, monkeypatch).status == "succeeded"


def test_a_cancelled_task_is_retried_with_its_secrets_after_its_files_went(
    organisation: db.DatabaseRef, developer: Actor, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(organisation, developer, template, secrets={"token": "hunter22"})
    act = debug_log.ACTION.run

    def cancel(takes: Any, ctx: Any) -> Any:
        with ctx.write() as session:
            service.cancel(session, developer, started.id)
        return act(takes, ctx)

    actions = {**service.actions(), "debug:log": replace(debug_log.ACTION, run=cancel)}
    with monkeypatch.context() as patched:
        patched.setattr(service, "actions", lambda: actions)
        assert walk(organisation, started.id, monkeypatch).status == "cancelled"
    runs.remove_workspaces([started.id])
    with db.write(organisation) as session:
        service.retry(session, developer, started.id)
    assert walk(organisation, started.id, monkeypatch).status == "succeeded"
    with db.read(organisation) as session:
        record = queries.get(session, started.id)
        assert secrets.listed(session, f"run:{started.id}") == []
    assert record is not None
    assert "orders/main.py" in (record.tree or {})


def test_start_refuses_wrong_answers_strangers_and_unknown_templates(
    organisation: db.DatabaseRef, developer: Actor, actor: Callable[..., Actor], template: str
) -> None:
    with pytest.raises(Invalid) as caught:
        start(organisation, developer, template, {"name": "No", "docs": "yes"})
    assert {one.path for one in caught.value.problems} == {"name", "docs"}
    with pytest.raises(Forbidden):
        start(organisation, actor("viewer"), template)
    for ref in ("template:default/absent", "component:default/web"):
        with pytest.raises(NotFound):
            start(organisation, developer, ref)


def test_the_form_has_the_pages_of_the_template(organisation: db.DatabaseRef, template: str) -> None:
    with db.read(organisation) as session:
        shown = service.schema(session, "web")
        offers = service.gallery(session)
    assert shown["title"] == "Web service"
    assert [(one["title"], sorted(one["schema"]["properties"])) for one in shown["steps"]] == [
        ("Basics", ["docs", "name", "parts"])
    ]
    assert [(one.ref, one.walked) for one in offers] == [(template, 0)]


def test_events_follow_the_task_in_order_and_end_with_its_completion(
    organisation: db.DatabaseRef, developer: Actor, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(organisation, developer, template)
    with db.read(organisation) as session:
        assert task_events.after(session, started.id, 0) == ([], False)
    walk(organisation, started.id, monkeypatch)
    with db.read(organisation) as session:
        found, closed = task_events.after(session, started.id, 0)
        rest, _ = task_events.after(session, started.id, found[-2]["id"])
    states = [
        (one["body"]["stepId"], one["body"]["status"])
        for one in found
        if "stepId" in one["body"] and "status" in one["body"]
    ]
    assert closed
    assert states[:3] == [("fetch-base", "processing"), ("fetch-base", "completed"), ("docs", "processing")]
    assert ("docs", "skipped") in states
    assert (rest[0]["type"], rest[0]["body"]["status"]) == ("completion", "completed")
    assert [one["id"] for one in found] == sorted({one["id"] for one in found})


def test_a_cancelled_task_is_cancelled_once(
    organisation: db.DatabaseRef, developer: Actor, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(organisation, developer, template)
    with db.write(organisation) as session:
        service.cancel(session, developer, started.id)
    assert walk(organisation, started.id, monkeypatch).status == "cancelled"
    with db.read(organisation) as session:
        assert service.tasks(session, status=["cancelled"])[1] == 1
        assert service.tasks(session, created_by=["user:default/other"])[1] == 0
    with pytest.raises(Conflict), db.write(organisation) as session:
        service.cancel(session, developer, started.id)

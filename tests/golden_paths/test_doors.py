"""Backstage's scaffolder API and the pages below /create, over the golden path that ships."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import anyio
import httpx
import orjson
import pytest
from fastapi import FastAPI, Request

from towpath import app as entrance
from towpath.catalog import service as catalog
from towpath.golden_paths import api, jobs, pages, plug, preview, service
from towpath.kit import db
from towpath.kit.actor import Actor, platform
from towpath.kit.errors import TowpathError
from towpath.kit.jobs import Act
from towpath.runs import service as runs
from towpath.runs.executor import Executor
from towpath.sdk.types import SourceFile
from towpath.ui import service as ui

REF = "template:default/python-web-service"
VALUES = {"name": "orders-api", "owner": "group:default/payments", "database": True}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def offered(organisation: db.DatabaseRef) -> db.DatabaseRef:
    """An organisation with the golden paths that ship."""
    files = [SourceFile(f"file:{path}", path.read_bytes()) for path in service.shipped()]
    with db.write(organisation) as session:
        catalog.load_granted(session, platform(organisation.name), "golden-paths", files)
    return organisation


@pytest.fixture
def ask(offered: db.DatabaseRef, actor: Callable[..., Actor]) -> Ask:
    """`ask("GET", path, role="viewer", …)` on an application with these doors alone."""
    app = FastAPI()
    app.state.organisation_title = lambda name: name
    for folder in plug.template_folders():
        ui.register_templates(folder)

    @app.middleware("http")
    async def identity(request: Request, call_next):
        request.state.actor = actor(request.headers.get("x-role", "developer"))
        request.state.database, request.state.csrf = offered, ""
        return await call_next(request)

    for router in (api.router, pages.router):
        app.include_router(router)
    app.add_exception_handler(TowpathError, entrance.refusal)

    def make(method: str, path: str, *, role: str = "developer", **options: object) -> httpx.Response:
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as client:
                return await client.request(method, path, headers={"x-role": role}, **options)

        return anyio.run(request)

    return make


def started(ask: Ask, **values: object) -> str:
    answer = ask("POST", "/api/scaffolder/v2/tasks", json={"templateRef": REF, "values": {**VALUES, **values}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_the_form_and_the_actions_answer_in_the_peers_shape(ask: Ask) -> None:
    form = ask("GET", "/api/scaffolder/v2/templates/default/Template/python-web-service/parameter-schema").json()
    assert form["title"] == "Python web service"
    assert [step["title"] for step in form["steps"]] == ["What it is", "What it needs"]
    found = {one["id"]: one["schema"] for one in ask("GET", "/api/scaffolder/v2/actions").json()}
    assert {"fetch:template", "publish:git", "catalog:register", "deploy:environment"} <= found.keys()
    assert found["fetch:template"]["input"]["required"] == ["url"]


def test_wrong_answers_are_400_with_every_complaint_and_start_nothing(ask: Ask) -> None:
    answer = ask("POST", "/api/scaffolder/v2/tasks", json={"templateRef": REF, "values": {"name": "No"}})
    assert answer.status_code == 400
    assert [(one["property"], one["name"]) for one in answer.json()["errors"]] == [
        ("instance", "required"),
        ("instance.name", "pattern"),
    ]
    assert ask("GET", "/api/scaffolder/v2/tasks").json() == {"tasks": [], "totalTasks": 0}


def execute(ref: db.DatabaseRef, run_id: str, monkeypatch: pytest.MonkeyPatch, job: jobs.Job = jobs.JOB) -> None:
    """Execute a run here, with no durable workflow around it."""
    monkeypatch.setattr("towpath.kit.jobs.checkpoint", lambda name, call: call())
    Executor({"task": job}, lambda organisation: ref).execute(ref.name, run_id)


def test_a_task_is_listed_shown_and_cancelled_once(
    ask: Ask, offered: db.DatabaseRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = started(ask)
    shown = ask("GET", f"/api/scaffolder/v2/tasks/{task_id}").json()
    assert (shown["status"], shown["createdBy"]) == ("open", "user:default/developer")
    assert [step["id"] for step in shown["spec"]["steps"]] == ["fetch", "publish", "register", "deploy"]
    assert ask("GET", "/api/scaffolder/v2/tasks?status=open&createdBy=user:default/developer").json()["totalTasks"] == 1
    assert ask("GET", "/api/scaffolder/v2/tasks?status=failed").json()["totalTasks"] == 0
    assert ask("POST", f"/api/scaffolder/v2/tasks/{task_id}/cancel").json() == {"status": "cancelled"}
    execute(offered, task_id, monkeypatch)
    assert ask("POST", f"/api/scaffolder/v2/tasks/{task_id}/cancel").status_code == 409
    assert ask("GET", "/api/scaffolder/v2/tasks/nothing").status_code == 404
    with db.write(offered) as session:
        runs.forget(session, [task_id])
    assert ask("GET", "/api/scaffolder/v2/tasks").json()["tasks"] == []


def test_the_stream_ends_with_the_completion_and_continues_after_an_id(
    ask: Ask, offered: db.DatabaseRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = started(ask)
    ask("POST", f"/api/scaffolder/v2/tasks/{task_id}/cancel")
    execute(offered, task_id, monkeypatch)
    text = ask("GET", f"/api/scaffolder/v2/tasks/{task_id}/eventstream").text
    events = [orjson.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert [one["type"] for one in events] == ["log", "cancelled", "completion"]
    assert events[-1]["body"]["status"] == "cancelled"
    polled = ask("GET", f"/api/scaffolder/v2/tasks/{task_id}/events?after={events[0]['id']}").json()
    assert polled == events[1:]


def test_a_viewer_looks_and_does_not_create(ask: Ask) -> None:
    assert ask("GET", "/create", role="viewer").status_code == 200
    assert "may look at this path" in ask("GET", "/create/templates/default/python-web-service", role="viewer").text
    body = {"templateRef": REF, "values": VALUES}
    assert ask("POST", "/api/scaffolder/v2/tasks", role="viewer", json=body).status_code == 403


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/create", "Python web service"),
        ("/create?q=fastapi", "Python web service"),
        ("/create?q=cobol", "No golden path matches"),
        ("/create/templates/default/python-web-service", "<tp-form"),
        ("/create/actions", "fetch:template"),
        ("/create/cards/home", "Python web service"),
    ],
)
def test_every_page_and_card_renders(ask: Ask, path: str, text: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 200
    assert text in answer.text


def test_the_preview_names_the_files_of_these_answers(ask: Ask) -> None:
    path = "/create/templates/default/python-web-service/preview"
    answer = ask("GET", path, params={"formData": orjson.dumps(VALUES).decode()})
    assert "src/orders_api_service/notes.py" in answer.text
    assert "notes.py" not in ask("GET", path, params={"formData": '{"name": "a", "database": false}'}).text
    assert ask("GET", path, params={"formData": "no json"}).status_code == 400


def test_a_task_page_leads_to_its_run_and_its_finish_panel_waits(ask: Ask) -> None:
    task_id = started(ask)
    page = ask("GET", f"/create/tasks/{task_id}")
    assert (page.status_code, page.headers["location"]) == (303, f"/runs/{task_id}")
    assert "as soon as they exist" in ask("GET", f"/create/cards/finish/{task_id}").text


def test_the_shipped_path_renders_what_its_preview_promised(
    ask: Ask, offered: db.DatabaseRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = started(ask)
    # The path goes on to Git, pipeline and environment, which have tests of their own: this one stops after its first step.
    fetch_only = jobs.Job("task", lambda run: [jobs.steps(run)[0], jobs.steps(run)[-1]])
    execute(offered, task_id, monkeypatch, fetch_only)
    with db.read(offered) as session:
        run, record = runs.get(session, task_id), service.record_of(session, task_id)
        template = service.template(session, REF)
    seen = preview.preview(template, VALUES, {}, lambda: db.read(offered)).files
    assert run.status == "succeeded", run.error
    assert record is not None
    assert sorted(record.tree or {}) == seen
    assert ".github/workflows/ci.yml" in seen
    assert "/repositories/orders-api" in [one["url"] for one in run.output["links"]]
    assert f"{len(seen)} files from" in ask("GET", f"/create/cards/finish/{task_id}").text


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"name": "calendar", "database": False}, id="a module of Python is called so"),
        pytest.param({"name": "fastapi", "database": False}, id="a library it uses is called so"),
        pytest.param({"name": "mail-service", "database": True}, id="it ends in the suffix of packages"),
        pytest.param({"name": "a" + "b" * 40 + "c", "database": True}, id="the longest name"),
    ],
)
def test_what_the_shipped_path_writes_passes_its_own_checks_whatever_its_name(
    offered: db.DatabaseRef, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: dict[str, object]
) -> None:
    task_id, target = started(ask, **values), tmp_path / "made"
    keep = Act("keep", "Keep", lambda session, run: {}, lambda data, ctx: {"at": str(copytree(ctx.workspace, target))})
    execute(offered, task_id, monkeypatch, jobs.Job("task", lambda run: [jobs.steps(run)[0], keep]))
    checks = [("ruff", "check", "."), ("ruff", "format", "--check", ".")]
    for words in (
        checks if values["database"] else [*checks, ("pytest",)]
    ):  # the pool for its database is not in this house
        done = subprocess.run([sys.executable, "-m", *words], cwd=target, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

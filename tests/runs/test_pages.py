"""The list of runs as people see it."""

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from towpath.kit import clock, db
from towpath.runs import api, pages, plug, queries, service
from towpath.ui import service as ui


@pytest.fixture
def client(organisation, developer):
    """The pages of runs alone, opened by the developer."""
    app = FastAPI()
    app.state.navigation, app.state.banner, app.state.organisation_title = lambda request: [], lambda: None, str
    ui.register_templates(plug.template_folders()[0])
    app.include_router(pages.router)

    @app.middleware("http")
    async def sign_in(request: Request, call_next):
        request.state.actor, request.state.database, request.state.csrf = developer, organisation, "t"
        return await call_next(request)

    with TestClient(app) as made:
        yield made


def wish(ref, actor, kind, title):
    with db.write(ref) as session:
        return service.start(session, actor, kind, title=title, subject="x", input={}).id


def test_the_list_keeps_to_one_kind_and_state(client, organisation, developer):
    wish(organisation, developer, "task", "Create orders")
    wish(organisation, developer, "pipeline", "Pipeline of orders")
    assert "Pipeline of orders" in client.get("/runs").text
    tasks = client.get("/runs?kind=task").text
    assert "Create orders" in tasks
    assert "Pipeline of orders" not in tasks
    assert "Nothing here" in client.get("/runs?status=failed").text


def test_a_long_list_goes_on_where_the_page_ended(client, organisation, developer, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    for number in range(3):
        wish(organisation, developer, "task", f"Create number-{number}")
    first = client.get("/runs").text
    assert "number-2" in first
    assert "number-0" not in first
    following = first.split('href="/runs?kind=', 1)[1].split("before=", 1)[1].split('"', 1)[0]
    assert "number-0" in client.get(f"/runs?before={following}").text


def test_live_cards_hear_of_what_changed_while_they_were_away(client, organisation, developer, monkeypatch):
    monkeypatch.setattr(api, "RECHECK_S", 0.1)
    monkeypatch.setattr(api, "KEEP_ALIVE_S", 0.05)
    wish(organisation, developer, "task", "Create orders")
    first = client.get("/runs/changes").text
    assert "event: changed" not in first
    back = {"Last-Event-ID": first.split("id: ", 1)[1].split("\n", 1)[0]}
    assert "event: changed" not in client.get("/runs/changes", headers=back).text
    wish(organisation, developer, "pipeline", "Pipeline of orders")
    assert "event: changed" in client.get("/runs/changes", headers=back).text


def test_the_home_card_shows_a_tree_in_its_worst_state(client, organisation, developer):
    root = wish(organisation, developer, "pipeline", "Pipeline of orders")
    with db.write(organisation) as session:
        child = service.start(
            session, developer, "deployment", title="Deploy", subject="x", input={}, parent_id=root, root_id=root
        )
        for run_id, status in ((root, "succeeded"), (child.id, "failed")):
            service.queries.get(session, run_id).status = status
    text = client.get("/runs/card").text
    assert "Failed" in text
    assert "Succeeded" not in text


def test_the_log_of_an_ended_run_comes_whole_before_its_end(client, organisation, developer, monkeypatch):
    monkeypatch.setattr(api, "LINES", 2)
    run_id = wish(organisation, developer, "task", "Create orders")
    with db.write(organisation) as session:
        rows = [
            {"run_id": run_id, "seq": n, "step": "one", "at": clock.now(), "text": f"line-{n}"} for n in range(1, 8)
        ]
        queries.add_lines(session, rows)
        queries.get(session, run_id).status = "succeeded"
    text = client.get(f"/runs/{run_id}/live").text
    assert [n for n in range(1, 8) if f"line-{n}" in text] == [1, 2, 3, 4, 5, 6, 7]
    assert text.rstrip().endswith("event: end\ndata: {}")

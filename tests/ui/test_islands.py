"""The islands in a real Chromium under the policy of our pages: whatever the policy refuses or a script throws fails."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from playwright.sync_api import Page

from towpath.kit.actor import Actor, Role
from towpath.ui import service

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (service.STATIC / "manifest.json").exists(), reason="the assets are not built"),
]
SCHEMA = {
    "steps": [
        {"title": "About", "schema": {"required": ["name"], "properties": {
            "name": {"type": "string", "title": "Name", "pattern": "^[a-z]+$"},
            "owner": {"type": "string", "title": "Owner", "ui:field": "OwnerPicker"},
        }}},
        {"title": "Resources", "schema": {"properties": {
            "database": {"type": "boolean", "title": "Database", "default": True},
            "licence": {"type": "string", "title": "Licence", "ui:field": "Secret"},
        }}},
    ]
}  # fmt: skip
MIRRORS = {
    "steps": [{"title": "Mirrors", "schema": {"properties": {"mirror": {"type": "object", "title": "Mirror", "properties": {
        "host": {"type": "string", "title": "Host"},
        "password": {"type": "string", "title": "Password", "ui:widget": "password"},
    }}}}}]
}  # fmt: skip
FORM = """{% extends "ui/bare.html" %}{% block content %}<tp-form data-template="template:default/x" data-action="/make"
data-next="/run/{id}"><script type="application/json">{{ schema | json }}</script></tp-form>
<p id="preview" data-preview="{name}.localhost"></p><div data-card="files:/files"><div class="card-body"></div></div>{% endblock %}"""
RUN = """{% extends "ui/bare.html" %}{% import "ui/macros.html" as m %}{% block content %}
<div id="steps"><p>queued</p><button data-log-step="lint" aria-pressed="false">lint</button></div>
<tp-log src="/log"></tp-log><tp-live src="/live"></tp-live>
{{ m.graph([{"id": "a", "label": "orders", "kind": "component"}], []) }}{% endblock %}"""


def events(*found: tuple[str, object]) -> StreamingResponse:
    lines = [f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in found]
    return StreamingResponse(iter(lines), media_type="text/event-stream")


def draw(request: Request, source: str, schema: object = SCHEMA) -> service.HTMLResponse:
    request.state.actor, request.state.csrf = Actor("", "northbank", Role.none), "the-token"
    shared = service._shared(request) | service._shell(request) | {"title": "Try", "schema": schema}
    headers = {"Content-Security-Policy": service.content_security_policy()}
    return service.HTMLResponse(service.environment().from_string(source).render(**shared), headers=headers)


def application() -> FastAPI:
    """A form whose first answer is refused, and a run with a log and a stream; `state.go` holds the stream back."""
    app = FastAPI()
    app.state.posted, app.state.go = [], threading.Event()
    app.mount("/static", service.static_files())
    app.get("/form")(form)
    app.get("/mirrors")(mirrors)
    app.get("/files")(files)
    app.get("/run/{run}")(run)
    app.get("/log")(log)
    app.get("/live")(live)
    app.get("/api/catalog/entities/by-query")(entities)
    app.post("/make")(make)
    return app


def form(request: Request):
    return draw(request, FORM)


def mirrors(request: Request):
    return draw(request, FORM, MIRRORS)


def files(formData: str):  # noqa: N803
    return PlainTextResponse(formData)


def run(request: Request, run: str):
    return draw(request, RUN)


def log():
    loud = "\x1b[1m\x1b[38;2;200;100;0mloud\x1b[0m <b>text</b>"
    lines = [("log", {"id": str(at), "step": "test" if at % 2 else "lint", "at": "", "text": loud}) for at in range(10)]
    return events(*lines, ("end", {}))


def live(request: Request):
    request.app.state.go.wait(10)
    button = '<button data-log-step="lint" aria-pressed="false">lint</button>'
    return events(("fragment", {"target": "#steps", "html": f'<div id="steps"><p>done</p>{button}</div>'}), ("end", {}))


def entities():
    return {"items": [{"kind": "Group", "metadata": {"name": "payments"}}]}


async def make(request: Request):
    posted = request.app.state.posted
    posted.append((request.headers.get("x-csrf-token"), await request.json()))
    return (
        JSONResponse({"errors": [{"path": ["name"], "message": "is taken"}]}, 400) if len(posted) == 1 else {"id": "77"}
    )


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[FastAPI, str]]:
    app = application()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield app, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(chromium) -> Iterator[Page]:
    opened, said = chromium.new_page(), []
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    opened.close()
    assert [one for one in said if "status of 400" not in one] == []


def test_a_form_checks_posts_shows_refusals_at_their_field_and_follows_the_run(site, page):
    app, address = site
    page.goto(f"{address}/form")
    page.get_by_role("button", name="Next").click()
    assert page.locator(".error-detail").all_inner_texts() == ["is required"]
    page.get_by_label("Name").fill("orders")
    page.get_by_label("Owner").select_option("group:default/payments")
    assert page.inner_text("#preview") == "orders.localhost"
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Licence").fill("hunter2")
    page.get_by_role("button", name="Review").click()
    assert "hunter2" not in page.inner_text("tp-form")
    page.get_by_role("button", name="Create").click()
    page.wait_for_selector("[role=alert]")
    assert page.locator(".error-detail").all_inner_texts() == ["is taken"]
    for name in ("Next", "Review", "Create"):
        page.get_by_role("button", name=name).click()
    page.wait_for_url("**/run/77")
    token, sent = app.state.posted[-1]
    assert token == "the-token"
    assert sent["values"] == {
        "name": "orders",
        "owner": "group:default/payments",
        "database": True,
        "licence": "*******",
    }
    assert sent["secrets"] == {"licence": "hunter2"}


def test_a_password_inside_an_object_is_in_no_address_and_not_in_the_review(site, page):
    page.goto(f"{site[1]}/mirrors")
    page.fill("input[type=password]", "hunter2")
    with page.expect_request("**/files?**") as asked:
        page.fill("input[type=text]", "mirror.example.com")
    assert "mirror.example.com" in asked.value.url
    assert "hunter2" not in asked.value.url
    page.click("button:text('Review')")
    assert '"password":"******"' in page.inner_text("dl")


def test_a_run_shows_its_log_and_keeps_the_chosen_step_when_a_fragment_arrives(site, page):
    app, address = site
    app.state.go.clear()
    page.goto(f"{address}/run/1")
    page.wait_for_selector("tp-log .line >> nth=9")
    assert page.locator("tp-log .line b").count() == 0
    assert page.locator("tp-log .line span span").first.evaluate("one => one.style.color") == "rgb(200, 100, 0)"
    page.click("[data-log-step=lint]")
    assert page.locator("tp-log .line:visible").count() == 5
    app.state.go.set()
    page.wait_for_selector("#steps p:text('done')")
    chosen = page.locator("[data-log-step=lint]")
    assert chosen.get_attribute("aria-pressed") == "true"
    assert chosen.evaluate("one => one === document.activeElement")


def test_a_graph_is_drawn_and_told(site, page):
    app, address = site
    app.state.go.set()
    page.goto(f"{address}/run/1")
    page.wait_for_selector("tp-graph canvas")
    assert page.locator("tp-graph li").all_inner_texts() == ["component orders"]
    assert "1 node;" in page.get_attribute("tp-graph [role=img]", "aria-label")


@pytest.mark.parametrize(("scheme", "other"), [("light", "towpath-dark"), ("dark", "towpath-light")])
def test_the_theme_follows_the_system_until_a_person_chooses(site, page, scheme, other):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site[1]}/form")
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == f"towpath-{scheme}"
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    page.wait_for_selector(f"html[data-theme={other}]")
    page.evaluate(f"localStorage.setItem('towpath-theme', '{scheme}')")
    page.reload()
    assert page.evaluate(theme) == f"towpath-{scheme}"

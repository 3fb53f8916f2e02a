"""Pages, fragments, macros and assets as a browser gets them."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from jinja2 import UndefinedError

from towpath.kit import clock
from towpath.kit.actor import Actor, Role
from towpath.ui import service

built = pytest.mark.skipif(not (service.STATIC / "manifest.json").exists(), reason="the assets are not built")
MACROS = '{% import "ui/macros.html" as m %}'


def draw(source: str, **context: object) -> str:
    return service.environment().from_string(MACROS + source).render(**context)


@pytest.fixture
def client() -> TestClient:
    """An application with two pages; `X-Actor` signs in, navigation counts how often it is asked."""
    app = FastAPI()
    app.state.asked = 0
    app.state.organisation_title = lambda organisation: f"The {organisation}"

    def navigation(request: Request) -> list[SimpleNamespace]:
        request.app.state.asked += 1
        return [SimpleNamespace(label="Catalog", href="/catalog", icon="boxes", section="main", order=1)]

    @app.get("/catalog/{rest:path}")
    def refused(request: Request, rest: str):
        role = Role.viewer if "x-actor" in request.headers else Role.none
        ref = request.headers.get("x-actor", "")
        request.state.actor = Actor(ref, "northbank", role, display_name="Ada Kim")
        request.state.csrf = "the-token"
        return service.notice(request, 404, "there is no <b>orders</b>", "choose one", ["line 3"])

    app.state.navigation = navigation
    app.mount("/static", service.static_files())
    return TestClient(app)


def test_a_page_has_landmarks_the_token_and_its_place_in_the_navigation(client):
    text = client.get("/catalog/default", headers={"X-Actor": "user:default/ada"}).text
    for one in ('<main id="content"', 'aria-label="Main"', 'href="#content"', 'content="the-token"', "The northbank"):
        assert one in text
    assert 'href="/catalog" data-nav="Catalog" title="Catalog" aria-current="page"' in text


def test_an_error_is_a_fragment_for_htmx_that_asks_nothing_of_the_shell(client):
    reply = client.get("/catalog/x", headers={"X-Actor": "user:default/ada", "HX-Request": "true"})
    assert reply.status_code == 404
    assert "<html" not in reply.text
    assert "There is no &lt;b&gt;orders&lt;/b&gt;" in reply.text
    assert client.app.state.asked == 0


def test_nobody_sees_no_navigation(client):
    text = client.get("/catalog/x").text
    assert "data-nav" not in text
    assert "There is no" in text


@pytest.mark.parametrize("word", ["healthy", "degraded", "failed", "pending", "unknown", "running", "never heard of"])
def test_a_state_has_an_icon_a_word_and_a_colour(word):
    text = draw("{{ m.state(word) }}", word=word)
    assert "<svg" in text
    assert word.capitalize() in text
    assert "text-" in text or "muted" in text


def test_a_time_is_relative_and_exact_on_hover():
    moment = clock.now() - timedelta(minutes=5)
    text = draw("{{ m.time(moment) }}", moment=moment)
    assert ">5 min ago<" in text
    assert f'title="{moment:%Y-%m-%d %H:%M:%S} UTC"' in text


def test_a_field_ties_its_label_and_its_error():
    text = draw('{{ m.field("Name", "name", error="is taken") }}')
    assert 'for="f-name"' in text
    assert 'aria-describedby="f-name-hint"' in text
    assert "is taken" in text


@pytest.mark.parametrize(
    "call", ["m.short(evil)", "m.copy(evil)", "m.badge(evil)", "m.code(evil)", "m.kv([(evil, evil)])", "m.field(evil, 'x', evil)",
             "m.banner('info', evil, evil)", "m.graph([{'id': 'a', 'label': evil, 'kind': 'x'}], [])"]
)  # fmt: skip
def test_what_people_wrote_is_never_markup(call):
    assert "<script>alert" not in draw("{{ " + call + " }}", evil='"><script>alert(1)</script>')


def test_a_missing_name_is_an_error_rather_than_nothing():
    with pytest.raises(UndefinedError):
        draw("{{ nothing_of_this_name }}")


def test_the_policy_allows_no_inline_code_and_no_eval():
    policy = service.content_security_policy()
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy


def test_no_page_of_ours_needs_what_the_policy_refuses():
    """Style attributes, inline scripts and handlers would be refused by every browser."""
    root = Path(service.__file__).parents[1]
    refused = ("style=", "onclick=", "onload=", "<style", "hx-on", "<script>")
    found = [f"{page.name}: {one}" for page in root.rglob("*.html") for one in refused if one in page.read_text()]
    assert found == []


@built
def test_hashed_assets_are_kept_for_a_year_and_arrive_compressed(client):
    address = service.asset("style.css")
    assert address != "/static/style.css"
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert "immutable" in packed.headers["cache-control"]
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert "immutable" not in client.get("/static/favicon.svg").headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/static/../service.py", "/static/%2e%2e/service.py", "/static/assets", "/static/none.js"]
)
def test_only_assets_are_served(client, path):
    assert client.get(path).status_code == 404


@built
def test_every_icon_that_a_page_names_was_built():
    assert "<path" in service.icon("rocket") or "<circle" in service.icon("rocket")
    assert service.icon("no-such-icon") == service.icon("box")

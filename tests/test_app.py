"""The web entrance as a whole: whatever is sent, the answer is a refusal that says what to do."""

import base64
import json

import pytest
from fastapi.testclient import TestClient

from towpath import bootstrap
from towpath.app import create_app
from towpath.identity import service as identity
from towpath.kit import db
from towpath.kit.actor import Role
from towpath.organisations import service as organisations
from towpath.platform import Platform
from towpath.runs import service as runs

CURSOR = {"filter": [], "order": "", "term": "", "keys": "", "offset": 10**20}
HUGE = 2**63


@pytest.fixture
def client(settings, organisation):
    """The whole portal, opened by an administrator."""
    with db.write(organisations.control()) as session:
        account = identity.create_account(session, "ada", "Ada", bootstrap.DEMO_PASSWORD, demo=True)
        organisations.join(session, account.id, organisation.name, "user:default/ada", Role.administrator)
    made = TestClient(create_app(Platform(settings)), base_url="http://portal.test")
    made.headers["Origin"] = "http://portal.test"
    made.post("/sign-in", data={"login": "ada", "password": bootstrap.DEMO_PASSWORD})
    made.headers["X-CSRF-Token"] = made.get("/settings").text.split('csrf-token" content="')[1].split('"')[0]
    return made


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b'{"templateRef":', id="cut off"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/score/plan", "/api/scaffolder/v2/tasks"])
def test_a_body_that_cannot_be_read_is_refused_in_the_shape_of_its_door(client, path, body):
    reply = client.post(path, content=body, headers={"Content-Type": "application/json"})
    said = reply.json()
    assert reply.status_code == 400, reply.text
    assert said["error"]["name"] == "InputError" if "scaffolder" in path else said["hint"]


@pytest.mark.parametrize(
    "query",
    [f"log?after={HUGE}", f"log?limit={-HUGE - 1}", "log?limit=-1", "?limit=-1", f"?limit={HUGE}"],
)
def test_a_number_that_no_list_has_is_refused(client, organisation, developer, query):
    with db.write(organisation) as session:
        run = runs.start(session, developer, "task", title="x", subject="x", input={}).id
    path = f"/api/v1/runs/{run}/{query}" if query.startswith("log") else f"/api/v1/runs{query}"
    assert client.get(path).status_code == 400


def test_a_cursor_beyond_every_list_is_refused(client):
    cursor = base64.urlsafe_b64encode(json.dumps(CURSOR).encode()).decode()
    assert client.get(f"/api/catalog/entities/by-query?cursor={cursor}").status_code == 400


def test_half_a_character_is_refused(client):
    body = b'{"entity": {"kind": "\\ud83d"}, "location": "url:https://a.example/c.yaml"}'
    reply = client.post("/api/catalog/validate-entity", content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, "half a character" in reply.text) == (400, True)


@pytest.mark.parametrize("path", ["runs/x", "approvals/x", "deployments/x", "repositories/x", "artifacts/blobs/x"])
def test_every_refusal_says_what_to_do(client, path):
    assert client.get(f"/api/v1/{path}").json()["hint"]


def test_a_role_that_does_not_exist_changes_nobody(client, organisation):
    reply = client.post("/settings/members", data={"user_ref": "user:default/ada", "role": "emperor"})
    assert reply.status_code == 400
    assert client.get("/api/v1/me").json()["role"] == "administrator"


@pytest.mark.parametrize("last", ["run:\u00b2", f"run:{'9' * 5000}"])
def test_a_place_in_a_stream_that_is_no_number_is_the_beginning(client, last):
    reply = client.get("/api/v1/runs/none/stream", headers={"Last-Event-ID": last.encode("latin-1")})
    assert reply.status_code == 404

"""Signing in, tokens, and what a browser may send."""

import re

import pytest
from fastapi.testclient import TestClient

from towpath import bootstrap
from towpath.app import create_app
from towpath.kit import db
from towpath.organisations import service as organisations
from towpath.platform import Platform


@pytest.fixture
def client(settings, organisation):
    with db.write(organisations.control()) as session:
        for login, display, role in bootstrap.ACCOUNTS:
            account = bootstrap.identity.create_account(session, login, display, bootstrap.DEMO_PASSWORD, demo=True)
            organisations.join(session, account.id, organisation.name, f"user:default/{login}", role)
    return TestClient(create_app(Platform(settings)), base_url="http://portal.test", follow_redirects=False)


def sign_in(client, login="developer", password="towpath"):
    return client.post(
        "/sign-in", data={"login": login, "password": password}, headers={"Origin": "http://portal.test"}
    )


def token(client):
    sign_in(client)
    return client.get("/settings").text.split('name="csrf-token" content="')[1].split('"')[0]


def test_a_right_password_opens_a_session_that_scripts_cannot_read(client):
    answer = sign_in(client)
    assert answer.status_code == 303
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert client.get("/settings").status_code == 200


@pytest.mark.parametrize(("login", "password"), [("developer", "wrong"), ("nobody", "towpath")])
def test_a_wrong_name_and_a_wrong_password_say_the_same(client, login, password):
    answer = sign_in(client, login, password)
    assert answer.status_code == 401
    assert "name or password is wrong" in answer.text


def test_five_failures_lock_the_account_for_a_while(client):
    for _ in range(5):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 401


def test_a_page_without_sign_in_leads_to_the_sign_in_page(client):
    answer = client.get("/catalog")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/catalog")


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_a_sign_in_never_leads_elsewhere(client, target):
    answer = client.post(
        "/sign-in",
        data={"login": "developer", "password": "towpath", "next": target},
        headers={"Origin": "http://portal.test"},
    )
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.test"}, {"Origin": "http://portal.test"}])
def test_an_unsafe_request_of_a_browser_needs_our_origin_and_a_token(client, headers):
    sign_in(client)
    assert client.post("/settings/tokens", data={"name": "x"}, headers=headers).status_code == 403


def test_a_form_with_its_token_is_accepted_and_the_secret_is_shown_once(client):
    csrf = token(client)
    answer = client.post(
        "/settings/tokens", data={"name": "x", "csrf_token": csrf}, headers={"Origin": "http://portal.test"}
    )
    assert "twp_" in answer.text
    assert "twp_" not in client.get("/settings/tokens").text


def test_a_token_acts_as_its_user_until_it_is_revoked(client):
    csrf = token(client)
    headers = {"Origin": "http://portal.test", "X-CSRF-Token": csrf}
    made = client.post("/api/v1/tokens", json={"name": "x"}, headers=headers).json()
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert client.get("/api/v1/me", headers=bearer).json()["ref"] == "user:default/developer"
    assert client.delete(f"/api/v1/tokens/{made['id']}", headers=bearer).status_code == 204
    answer = client.get("/api/v1/me", headers=bearer)
    assert answer.status_code == 401
    assert answer.json()["hint"]


def test_a_scoped_token_does_nothing_else(client):
    csrf = token(client)
    headers = {"Origin": "http://portal.test", "X-CSRF-Token": csrf}
    made = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["runs.read"]}, headers=headers).json()
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert client.get("/api/v1/runs", headers=bearer).status_code == 200
    assert client.get("/api/v1/deployments", headers=bearer).status_code == 403


def test_a_token_makes_no_other_token(client):
    headers = {"Origin": "http://portal.test", "X-CSRF-Token": token(client)}
    made = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["identity.*"]}, headers=headers).json()
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert client.post("/api/v1/tokens", json={"name": "stronger"}, headers=bearer).status_code == 403


def test_a_token_to_look_changes_nothing(client):
    csrf = token(client)
    answer = client.post(
        "/settings/tokens",
        data={"name": "eye", "may": "read", "csrf_token": csrf},
        headers={"Origin": "http://portal.test"},
    )
    secret = re.search(r"twp_[\w-]+", answer.text).group()
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/runs", headers=bearer).status_code == 200
    wish = {"templateRef": "template:default/python-web-service", "values": {}}
    assert client.post("/api/scaffolder/v2/tasks", json=wish, headers=bearer).status_code == 403


def test_every_reply_carries_the_policy(client):
    headers = client.get("/sign-in").headers
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_unknown_addresses_answer_in_the_form_of_their_door(client):
    token(client)
    assert client.get("/api/v1/nothing").json()["status"] == 404
    assert client.get("/api/catalog/nothing").json()["error"]["name"] == "NotFoundError"
    assert "nothing at this address" in client.get("/nothing").text.lower()


@pytest.mark.parametrize("role", ["owner", "none"])
def test_a_role_that_there_is_not_is_refused_and_changes_nothing(client, role):
    sign_in(client, "administrator")
    csrf = client.get("/settings").text.split('name="csrf-token" content="')[1].split('"')[0]
    form = {"user_ref": "user:default/developer", "role": role, "csrf_token": csrf}
    assert client.post("/settings/members", data=form, headers={"Origin": "http://portal.test"}).status_code == 400
    assert bootstrap.identity.by_ref("northbank", "user:default/developer").role.name == "developer"


def test_a_call_without_a_token_is_told_to_send_one(client):
    answer = client.post("/api/v1/tokens", json={"name": "laptop"})
    assert answer.status_code == 401
    assert "Authorization: Bearer" in answer.json()["hint"]

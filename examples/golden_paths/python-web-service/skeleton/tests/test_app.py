"""What the service promises."""

import json
from pathlib import Path

from fastapi.testclient import TestClient

from ${{ values.package }}.app import NAME, create_app

client = TestClient(create_app())


def test_the_root_says_who_it_is():
    assert client.get("/").json()["service"] == NAME


def test_the_probes_answer():
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_the_published_api_is_the_real_one():
    published = json.loads((Path(__file__).parent.parent / "openapi.json").read_text())
    assert published == client.get("/openapi.json").json(), "run: python -m tests.openapi"
{% if values.database %}


def test_a_note_needs_a_text():
    assert client.post("/notes", json={"text": ""}).status_code == 422


def test_without_its_database_the_service_says_so(monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert TestClient(create_app()).get("/notes").status_code == 503
{% endif %}

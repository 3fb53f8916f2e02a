"""Every route of the application, walked with one organisation's token and the ids, names and refs of the other."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, get_args, get_origin
from urllib.parse import unquote, urlencode

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from towpath.kit.web import permit
from towpath.repositories import git
from towpath.repositories import service as repositories

SHARED = "orders"
"""The name of a service that both organisations have."""
NO_API = {"/api/v1/openapi.json", "/static"}
"""What is no API route: the description of all routes and the files of the design system, the same for everybody."""
EMPTY = {"/runtimes/{component}/logs", "/runtimes/{component}/health"}
"""Fragments of an entity's page that say 'nothing runs' to a name they do not know."""
ENGINES = {"/readyz"}
"""What answers 503 here, because no engine runs; it names none of an organisation."""
TURNS = {"GET": 2}
"""How many values of a parameter are tried, else 3: a service of the other alone, one that both have; a run in each state."""
ENTITY = {"apiVersion": "backstage.io/v1alpha1", "kind": "Domain", "metadata": {"name": "x"}, "spec": {"owner": "x"}}
FILL: dict[str, Any] = {
    # ids, names and refs of the tenant (`$`): what it alone has first, then what both have
    "deployment_id": "$deployment", "task_id": "$run", "run_id": "$run", "run": "$run", "root_id": "$run",
    "before": "$run", "approval_id": "$approval", "token_id": "$token", "location_id": "$location", "uid": "$uid",
    "digest": "$digest", "commit": "$commit", "name": "$name", "confirm": "$name", "component": "$ref", "entity": "$ref",
    "entityRef": "$ref", "entityRefs": "$ref", "subject": "$ref", "repository": "$repository", "filter": "$filter",
    "templateRef": "$template", "user_ref": "$user", "url": "$url", "location": "$url",
    "component@/api/v1/runtimes": "$name", "component@/runtimes": "$name", "name@/api/v1/secrets": "$secret",
    "name@/api/scaffolder": "$path", "name@/create": "$path", "target@/api/catalog/locations": "$target",
    # what names nobody's data
    "kind": "component", "kind@/api/scaffolder": "Template", "namespace": "default", "environment": "development",
    "source": "development", "target": "staging", "branch": "main", "path": "", "path@/git": "HEAD",
    "facet": "metadata.uid", "score": "apiVersion: score.dev/v1b1\nmetadata: {name: x}\ncontainers: {}\n",
    "values": {}, "secrets": {}, "value": "x", "type": "url", "approve": True, "decision@/approvals": "approve",
    "comment": "", "days": 1, "granted": "true", "login": "nobody", "password": "wrong", "role": "viewer", "next": "/", "subscriber": "deployments.arrive", "may": "all", "tab": "overview",
    "name@/settings/tokens": "x", "name@/api/v1/tokens": "x", "entity@/api/catalog/validate-entity": ENTITY, "scopes": [],
    "fields@/api/catalog/entities/by-refs": [], "owner": "", "description": "",
    "name@/api/v1/repositories": "fresh", "name@/repositories": "fresh",
    "name@/api/v1/repositories/": "$name", "name@/repositories/": "$name",
    # what only narrows or shapes a list: left out, so that all of it is seen
    **dict.fromkeys((
        "order", "orderField", "status", "step", "rev", "q", "cursor", "createdBy",
        "fields", "fullTextFilterTerm", "fullTextFilterFields", "kind@/api/v1/runs", "kind@/runs", "decision", "limit",
    )),
}  # fmt: skip
"""What a parameter says, by its name; `name@prefix` holds for routes whose path begins so."""


@dataclass
class Wish:
    """One request. `unknown` are parameters that nobody told this test how to fill."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    form: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    unknown: list[str] = field(default_factory=list)

    def said(self) -> str:
        """Everything that the request says itself: an answer may repeat it."""
        return unquote(f"{self.path} {self.query} {self.form} {self.body}")

    def send(self, client, token: str):
        headers = {"Authorization": f"Bearer {token}", "Origin": "http://portal.test"}
        address = f"{self.path}?{urlencode(self.query)}" if self.query else self.path
        return client.request(self.method, address, data=self.form or None, json=self.body, headers=headers)


def routes_of(app: FastAPI) -> list[APIRoute]:
    """Every route that the application serves, those that change something last."""
    found = [one.original_route for one in iter_route_contexts(app.routes)]
    assert {one.path for one in found if not isinstance(one, APIRoute)} == NO_API
    return sorted((one for one in found if isinstance(one, APIRoute)), key=lambda one: "GET" not in one.methods)


def parameters(dependant: Dependant, kind: str) -> Iterator[tuple[str, Any, bool]]:
    """Name, type and whether it is a form's of each parameter of one kind; a model's fields count one by one."""
    for one in getattr(dependant, f"{kind}_params"):
        types = (one.field_info.annotation, *get_args(one.field_info.annotation))
        models = [type_ for type_ in types if isinstance(type_, type) and issubclass(type_, BaseModel)]
        fields = models[0].model_fields.items() if models else [(one.alias, one.field_info)]
        for name, info in fields:
            yield info.alias or name, info.annotation, not models
    for inner in dependant.dependencies:
        yield from parameters(inner, kind)


def wish(route: APIRoute, tenant, turn: int) -> Wish:
    """A request to a route that names the tenant's data, that of this turn where there is more than one."""
    made = Wish(sorted(route.methods)[0], route.path)

    def said(name: str, type_: Any = str) -> Any:
        keys = [key for key in FILL if key.partition("@")[0] == name and route.path.startswith(key.partition("@")[2])]
        if not keys:
            made.unknown.append(f"{made.method} {route.path}: {name}")
            return None
        found = FILL[max(keys, key=len)]
        if isinstance(found, str) and found.startswith("$"):
            values = tenant.known[found[1:]]
            found = values[min(turn, len(values) - 1)]
        return [found] if get_origin(type_) is list and isinstance(found, str) else found

    made.path = re.sub(r"{(\w+)(:path)?}", lambda match: str(said(match[1])), route.path)
    for name, type_, _ in parameters(route.dependant, "query"):
        if type_ not in (bool, int) and (found := said(name)) is not None:  # those say how much, and name nothing
            made.query.append((name, found))
    for name, type_, form in parameters(route.dependant, "body"):
        if (found := said(name, type_)) is not None and form:
            made.form[name] = found
        elif found is not None:
            made.body = {**(made.body or {}), name: found}
    return made


def leaked(answer, sent: Wish, tenant) -> list[str]:
    """Words of a tenant in an answer that the request did not bring along itself."""
    said, heard = sent.said(), unquote(f"{answer.text} {dict(answer.headers)}")
    return [word for word in sorted(tenant.private) if word in heard and word not in said]


def test_a_route_nobody_told_how_to_fill_is_noticed():
    app = FastAPI(openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    app.add_api_route("/new/{gadget_id}", lambda gadget_id, colour="": None, dependencies=[permit(None)])
    app.mount("/static", FastAPI())
    made = wish(routes_of(app)[0], SimpleNamespace(known={}), 0)
    assert made.unknown == ["GET /new/{gadget_id}: gadget_id", "GET /new/{gadget_id}: colour"]


def test_no_route_gives_or_changes_anything_of_another_organisation(client, tenants, everything):
    for own, other in (tenants, tenants[::-1]):
        before = everything(other)
        unknown, wrong = walk(client, own, other)
        assert unknown == []
        assert "\n".join(wrong) == ""
        assert everything(other) == before


def walk(client, own, other) -> tuple[list[str], list[str]]:
    """Ask every route with one tenant's token for the other's data. Returns unknown parameters and wrong answers."""
    unknown, wrong = [], []
    for route in routes_of(client.app):
        wishes = [wish(route, other, turn) for turn in range(TURNS.get(min(route.methods), 3))]
        for sent in {one.said(): one for one in wishes}.values():
            unknown += sent.unknown
            answer = sent.send(client, own.token)
            told = leaked(answer, sent, other)
            theirs = "{" in route.path and SHARED not in sent.path and any(one in sent.path for one in other.private)
            given = answer.status_code < 400 and theirs and route.path not in EMPTY
            if told or given or (answer.status_code >= 500 and route.path not in ENGINES):
                wrong.append(f"{sent.method} {sent.said()} -> {answer.status_code} {told} {answer.text[:200]}")
    return unknown, wrong


@pytest.mark.databases("sqlite")
def test_whoever_owns_it_gets_it_at_the_same_addresses(client, tenants, everything):
    own, told, wrong = tenants[1], set(), []
    for route in routes_of(client.app):
        sent = wish(route, own, 0)
        if sent.method == "GET" and route.path not in ENGINES:
            answer = sent.send(client, own.token)
            told |= {route.path} if leaked(answer, sent, own) else set()
            wrong += [f"{sent.said()} -> {answer.status_code} {answer.text[:300]}"] if answer.status_code >= 400 else []
    assert "\n".join(wrong) == ""
    assert len(told) > 50, "the walk would see no leak"
    assert [name for name, rows in everything(own).items() if not rows] == []


@pytest.mark.databases("sqlite")
def test_the_hostname_of_a_request_never_chooses_the_organisation(client, tenants):
    own, other = tenants
    for host in (*other.known["host"], f"{other.ref.name}.localhost"):
        headers = {"Authorization": f"Bearer {own.token}", "Host": host}
        assert client.get("/api/v1/me", headers=headers).json()["organisation"] == own.ref.name
        found = client.get("/api/catalog/entities", headers=headers).text
        assert own.word in found
        assert other.word not in found


@pytest.mark.databases("sqlite")
def test_git_refuses_the_token_of_another_organisation(client, tenants):
    own, other = tenants
    name, uid = other.known["name"][0], other.known["repository"][0]
    for token, status in ((own.token, 404), (other.token, 200)):
        headers = {"Authorization": f"Basic {base64.b64encode(f'git:{token}'.encode()).decode()}"}
        for service in ("git-upload-pack", "git-receive-pack"):
            answer = client.get(f"/git/{name}.git/info/refs?service={service}", headers=headers)
            assert answer.status_code == status
            assert (other.known["commit"][0] in answer.text) is (status == 200)
    refused = {"Authorization": f"Bearer {own.token}"}
    for service in ("git-upload-pack", "git-receive-pack"):
        assert client.post(f"/git/{name}.git/{service}", headers=refused, content=b"0000").status_code == 404
    assert git.refs(repositories.folder(uid)) == {"refs/heads/main": other.known["commit"][0]}

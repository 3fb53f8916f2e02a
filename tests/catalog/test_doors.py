"""API, pages, command line and template action of the catalog."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from towpath import demo
from towpath.catalog import actions, cli, service
from towpath.kit import db
from towpath.kit.errors import Forbidden
from towpath.sdk import plugins
from towpath.sdk.hooks import hook
from towpath.sdk.types import SourceFile

URL = "url:towpath://orders/blob/main/catalog-info.yaml"


@pytest.fixture
def full(organisation, administrator):
    """The demo organisation."""
    files = [
        SourceFile(f"file:{path}", path.read_bytes())
        for path in sorted((demo.folder() / "organisation").rglob("*.yaml"))
    ]
    with db.write(organisation) as session:
        service.load_granted(session, administrator, "demo", files)
    return organisation


def test_entities_answer_in_the_peers_shape(full, door):
    client = door()
    one = client.get("/api/catalog/entities/by-name/Component/default/Checkout-API").json()
    assert {"type": "ownedBy", "targetRef": "group:default/payments"} in one["relations"]
    assert client.get(f"/api/catalog/entities/by-uid/{one['metadata']['uid']}").json() == one
    refs = client.post(
        "/api/catalog/entities/by-refs", json={"entityRefs": ["component:nope", "COMPONENT:checkout-api", "?"]}
    )
    assert [item and item["metadata"]["name"] for item in refs.json()["items"]] == [None, "checkout-api", None]
    missing = client.get("/api/catalog/entities/by-name/component/default/nope")
    assert (missing.status_code, missing.json()["error"]["name"]) == (404, "NotFoundError")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("filter=kind=component", 10),
        ("filter=kind=component,spec.type=website", 1),
        ("filter=kind=component&filter=kind=api", 13),
        ("filter=kind=component,kind=api", 13),
        ("filter=relations.ownedBy=group:default/payments,kind=component", 4),
        ("filter=metadata.tags.pci", 1),
        ("filter=metadata.tags=python,kind=component", 8),
        ("filter=kind=component&limit=3&offset=8", 2),
    ],
)
def test_filters_mean_what_they_mean_to_the_peer(full, door, query, count):
    assert len(door().get(f"/api/catalog/entities?{query}").json()) == count


def test_by_query_pages_through_everything_once_and_in_order(full, door):
    client, names, cursor = door(), [], ""
    while cursor is not None:
        query = f"cursor={cursor}" if cursor else "filter=kind=component&orderField=metadata.name,desc"
        page = client.get(f"/api/catalog/entities/by-query?{query}&limit=4&fields=metadata.name").json()
        names += [one["metadata"]["name"] for one in page["items"]]
        cursor = page["pageInfo"].get("nextCursor")
    assert page["totalItems"] == len(names) == 10
    assert names == sorted(names, reverse=True)
    assert page["items"][0] == {"metadata": {"name": page["items"][0]["metadata"]["name"]}}
    assert client.get("/api/catalog/entities/by-query?cursor=nonsense").status_code == 400


def test_facets_count_values(full, door):
    found = door().get("/api/catalog/entity-facets?facet=spec.lifecycle&filter=kind=component").json()
    assert {"value": "deprecated", "count": 1} in found["facets"]["spec.lifecycle"]


def test_validation_reports_every_error_and_keeps_nothing(organisation, door):
    entity = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "a b"}, "spec": {}}
    answer = door().post(
        "/api/catalog/validate-entity", json={"entity": entity, "location": "url:https://example.org/x"}
    )
    assert answer.status_code == 400
    assert {one["path"] for one in answer.json()["errors"]} == {
        "metadata.name",
        "spec.type",
        "spec.lifecycle",
        "spec.owner",
    }


def test_viewers_read_and_change_nothing(registered, door):
    viewer = door("viewer")
    assert viewer.get("/api/catalog/entities").status_code == 200
    for answer in (
        viewer.post("/api/catalog/locations", json={"type": "url", "target": "https://example.org/x.yaml"}),
        viewer.post("/catalog/register", data={"url": "https://example.org/x.yaml"}),
        viewer.post("/catalog/default/component/orders/delete", data={"confirm": "orders"}),
        viewer.delete("/api/v1/entities/component/default/orders?confirm=orders"),
    ):
        assert answer.status_code == 403


def test_only_platform_engineers_find_and_use_the_grant(registered, door):
    with db.read(registered) as session:
        location_id = service.location_named(session, URL).id
    address = f"/catalog/locations/{location_id}/grant"
    assert door("platform_engineer").get("/catalog/locations").text.count(address) == 1
    assert address not in door().get("/catalog/locations").text
    assert door().post(address, data={"granted": "true"}).status_code == 403


def test_host_files_cannot_be_registered_or_shown_through_any_door(organisation, door, tmp_path):
    secret = tmp_path / "secret.yaml"
    secret.write_text("password-of-the-host\n")
    client = door("administrator")
    for target in (f"file://{secret}", f"file:{secret}", f"url:file://{secret}"):
        page = client.post("/catalog/register", data={"url": target})
        answer = client.post("/api/catalog/locations", json={"type": "url", "target": target})
        assert page.status_code in (400, 403)
        assert answer.status_code in (400, 403)
        assert "password-of-the-host" not in page.text + answer.text


CARD = "entity=component:checkout-api"
PAGES = [
    "/catalog",
    "/catalog?kind=API",
    "/catalog?text=nothing-like-it",
    "/catalog/register",
    "/catalog/locations",
    "/catalog/default/component/checkout-api",
    "/catalog/default/component/checkout-api/delete",
    f"/catalog/cards/about?{CARD}",
    f"/catalog/cards/graph?{CARD}",
    f"/catalog/cards/history?{CARD}",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_renders(full, door, path):
    answer = door().get(path)
    assert answer.status_code == 200, answer.text


def test_a_page_escapes_what_people_write(organisation, door, developer, descriptor):
    files = descriptor()
    evil = files[0].data.replace(b"Takes orders", b"'<script>alert(1)</script>'")
    with db.write(organisation) as session:
        service.register(session, developer, URL, files=[SourceFile(files[0].url, evil)])
    for path in ("/catalog", "/catalog/cards/about?entity=component:orders"):
        assert "<script>alert" not in door().get(path).text


def test_lint_prints_places_and_exits_with_2(tmp_path: Path):
    good, bad = tmp_path / "catalog-info.yaml", tmp_path / "bad.yaml"
    good.write_text("apiVersion: backstage.io/v1alpha1\nkind: Domain\nmetadata: {name: money}\nspec: {owner: a}\n")
    bad.write_text("apiVersion: backstage.io/v1alpha1\nkind: Domain\nmetadata: {name: money}\nspec: {}\n")
    assert CliRunner().invoke(cli.catalog, ["lint", str(tmp_path)]).exit_code == 0
    result = CliRunner().invoke(cli.catalog, ["lint", str(good), str(bad)])
    assert result.exit_code == 2
    assert f"{bad}:4:7: spec.owner: expected a value; found nothing" in result.output


def test_the_register_command_asks_the_portal():
    asked = []

    def ask(command, **arguments):
        asked.append((command, arguments))
        return ["component:default/orders"]

    result = CliRunner().invoke(cli.catalog, ["register", URL], obj={"ask": ask})
    assert result.output == "component:default/orders\n"
    assert asked[0][0] == "catalog.register"


def test_the_action_names_its_descriptor_and_stays_dry():
    takes = actions.Takes(repoContentsUrl="towpath://orders/blob/main/", catalogInfoPath="/catalog-info.yaml")
    assert takes.url == "towpath://orders/blob/main/catalog-info.yaml"
    lines: list[str] = []
    given = actions.run(takes, SimpleNamespace(dry_run=True, log=lines.append))
    assert given.catalogInfoUrl == takes.url
    assert lines


def test_the_action_refuses_the_hosts_files_even_when_optional(organisation, developer):
    takes = actions.Takes(catalogInfoUrl="file:/etc/hostname", optional=True)
    with pytest.raises(Forbidden):
        actions.run(
            takes, SimpleNamespace(dry_run=False, log=lambda text: None, database=organisation, actor=developer)
        )


ENVIRONMENT = "apiVersion: towpath.dev/v1\nkind: Environment\nmetadata: {name: qa}\nspec: {type: staging, order: 15}\n"


class Shelf:
    """A repository whose one file only a granted location may bring."""

    scheme = "shelf"

    def read(self, session, target):
        return [SourceFile(target, ENVIRONMENT.encode())]

    @hook
    def sources(self):
        return [self]


@pytest.fixture
def qa(loaded):
    manager = plugins._manager[0]
    manager.register(Shelf(), name="shelf")
    yield {"url": "shelf://platform/blob/main/qa.yaml", "granted": "true"}
    manager.unregister(name="shelf")


def test_a_location_of_platform_kinds_alone_is_registered_with_its_grant(organisation, door, qa):
    assert door("platform_engineer").post("/catalog/register", data=qa).status_code == 303
    with db.read(organisation) as session:
        assert [row.granted for row, _ in service.locations(session)] == [True]
        assert service.get(session, "environment:default/qa").name == "qa"


def test_a_developer_cannot_register_with_a_grant(organisation, door, qa):
    assert door("developer").post("/catalog/register", data=qa).status_code == 403
    assert "Granted" not in door("developer").get("/catalog/register").text
    assert "Granted" in door("platform_engineer").get("/catalog/register").text

"""Files to entities: every rule with its place, and one bad entity spoils only itself."""

import pytest

from towpath.catalog import kinds
from towpath.catalog.ingest import ORIGIN, Supply, ingest
from towpath.sdk.types import SourceFile

FILE = "towpath://orders/blob/main/catalog-info.yaml"
USER = "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {name: eve}\nspec: {memberOf: [platform-team]}\n"
API = """\
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: a}
spec: {type: openapi, lifecycle: x, owner: o, definition: {%s}}
"""


def read(*texts: str, granted: bool = False, parts: dict[str, str] | None = None):
    files = [SourceFile(FILE, "---\n".join(texts).encode())]
    files += [SourceFile(url, text.encode()) for url, text in (parts or {}).items()]
    return ingest(files, kinds.all_kinds(), Supply(f"url:{FILE}", granted))


def component(**changes: str) -> str:
    lines = {
        "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": "{name: orders}",
        "spec": "{type: service, lifecycle: production, owner: payments}", **changes,
    }  # fmt: skip
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


@pytest.mark.parametrize(
    ("changes", "path", "place"),
    [
        pytest.param({"metadata": "{name: Prod!}"}, "metadata.name", (3, 18), id="a name has an alphabet"),
        pytest.param({"metadata": f"{{name: {'a' * 64}}}"}, "metadata.name", (3, 18), id="a name has a length"),
        pytest.param(
            {"metadata": "{name: a, namespace: Team}"}, "metadata.namespace", (3, 32), id="namespaces are lower case"
        ),
        pytest.param({"metadata": "{name: a, tags: [Java]}"}, "metadata.tags[0]", (3, 28), id="tags are lower case"),
        pytest.param(
            {"metadata": "{name: a, annotations: {b: 1}}"}, "metadata.annotations.b", (3, 38), id="annotations are text"
        ),
        pytest.param({"metadata": "{name: a, links: {url: x}}"}, "metadata.links", (3, 28), id="links are a list"),
        pytest.param(
            {"metadata": "{name: a, links: [{url: 'javascript:x'}]}"},
            "metadata.links[0].url",
            (3, 35),
            id="links run no script",
        ),
        pytest.param({"spec": "{type: service, lifecycle: x}"}, "spec.owner", (4, 7), id="an owner is required"),
        pytest.param(
            {"spec": "{type: s, lifecycle: x, owner: o, system: [a]}"}, "spec.system", (4, 49), id="one system"
        ),
        pytest.param({"spec": "{type: s, lifecycle: x, owner: null}"}, "spec.owner", (4, 38), id="null is not a value"),
        pytest.param({"dependsOn": "[a]"}, "dependsOn", (5, 1), id="nothing stands beside the four fields"),
        pytest.param({"kind": "Compnent"}, "kind", (2, 7), id="kinds are known"),
        pytest.param({"apiVersion": "backstage.io/v9"}, "apiVersion", (1, 13), id="versions are known"),
    ],
)
def test_a_broken_rule_is_reported_at_its_place(changes, path, place):
    found = read(component(**changes))
    assert found.entities == []
    assert (found.problems[0].path, (found.problems[0].line, found.problems[0].column)) == (path, place)
    assert found.problems[0].expected
    assert found.problems[0].found


def test_all_problems_of_a_document_come_at_once_and_its_neighbours_stand():
    bad = component(metadata="{name: 'a b'}", spec="{type: 3}")
    found = read(component(), bad, component(metadata="{name: other}"))
    assert [one.ref for one in found.entities] == ["component:default/orders", "component:default/other"]
    assert {one.path for one in found.problems} == {"metadata.name", "spec.type", "spec.lifecycle", "spec.owner"}


def test_a_file_that_is_no_entity_gets_one_clear_problem():
    assert len(read("on: push\njobs: {}\n").problems) >= 1
    assert "an entity" in read("- a\n- b\n").problems[0].expected


def test_people_groups_templates_and_platform_kinds_need_a_grant():
    environment = (
        "apiVersion: towpath.dev/v1\nkind: Environment\nmetadata: {name: free}\nspec: {type: production, order: 1}\n"
    )
    for text in (USER, environment):
        found = read(component(), text)
        assert [one.ref for one in found.entities] == ["component:default/orders"]
        assert "granted" in found.problems[0].expected
        assert len(read(component(), text, granted=True).entities) == 2


def test_origin_cannot_be_claimed_by_the_document():
    claimed = component(metadata=f"{{name: orders, annotations: {{{ORIGIN}: 'file:towpath/platform'}}}}")
    assert read(claimed).entities[0].doc["metadata"]["annotations"][ORIGIN] == f"url:{FILE}"


def test_relations_run_in_both_directions_and_bare_dependencies_are_warnings():
    spec = "{type: s, lifecycle: x, owner: payments, system: shop, dependsOn: ['resource:db', bare], providesApis: [team/api]}"
    found = read(component(metadata="{name: orders, namespace: eu}", spec=spec))
    relations = set(found.entities[0].relations)
    assert ("component:eu/orders", "ownedBy", "group:eu/payments") in relations
    assert ("resource:eu/db", "dependencyOf", "component:eu/orders") in relations
    assert ("component:eu/orders", "providesApi", "api:team/api") in relations
    assert [one.path for one in found.warnings] == ["spec.dependsOn[1]"]


def test_a_definition_may_stand_in_another_file_of_the_repository():
    part = {"towpath://orders/blob/main/api.yaml": "openapi: 3.1.0\n"}
    found = read(API % "$text: ./api.yaml", parts=part)
    assert found.entities[0].doc["spec"]["definition"] == "openapi: 3.1.0\n"
    assert found.problems == []


@pytest.mark.parametrize("target", ["./gone.yaml", "../../../etc/passwd", "https://example.org/api.yaml"])
def test_an_api_stands_with_a_warning_when_its_definition_cannot_be_read(target):
    found = read(API % f"$text: '{target}'")
    assert len(found.entities) == 1
    assert found.warnings[0].path == "spec.definition"

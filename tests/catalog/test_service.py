"""Use cases of the catalog on a real database."""

import contextlib

import pytest

from towpath import demo
from towpath.catalog import queries, service
from towpath.catalog.service import Filter
from towpath.kit import db, events
from towpath.kit.errors import Conflict, Forbidden, Invalid, NotFound
from towpath.sdk.types import SourceFile

URL = "url:towpath://orders/blob/main/catalog-info.yaml"
OTHER = "url:towpath://other/blob/main/catalog-info.yaml"
REF = "component:default/orders"
TEAM = "group:default/payments"
GROUPS = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, parent: northbank, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: ada}
spec: {memberOf: [payments]}
"""


def refresh(database, who, files, url=URL):
    with db.write(database) as session:
        service.refresh_files(session, who, url, files)
    with db.read(database) as session:
        row = service.location_named(session, url)
        return [one for one in row.problems if not one.get("warning")]


def demo_files():
    folder = demo.folder() / "organisation"
    return [SourceFile(f"file:{path}", path.read_bytes()) for path in sorted(folder.rglob("*.yaml"))]


def test_a_registered_entity_is_found_in_any_case_with_its_event_and_history(registered):
    with db.read(registered) as session:
        found = service.get(session, "Component:Orders")
        assert (found.ref, found.owner, found.system) == (REF, TEAM, "system:default/checkout")
        assert found.location == URL
        assert [one.type for one in events.history(session, REF)] == ["entity.registered"]
        assert [one.action for one in service.history(session, REF)] == ["registered"]


def test_unchanged_files_change_nothing_and_changed_ones_keep_the_uid(registered, developer, descriptor):
    with db.read(registered) as session:
        before = service.get(session, REF)
    refresh(registered, developer, descriptor())
    refresh(registered, developer, [SourceFile(URL[4:], descriptor()[0].data + b"# a remark\n")])
    refresh(registered, developer, [SourceFile(URL[4:], descriptor()[0].data.replace(b"Takes", b"Counts"))])
    with db.read(registered) as session:
        assert service.get(session, REF).uid == before.uid
        assert [one.action for one in service.history(session, REF)] == ["changed", "registered"]


def test_register_refuses_a_taken_ref_and_names_the_holder(registered, developer, descriptor):
    with pytest.raises(Conflict) as caught, db.write(registered) as session:
        service.register(session, developer, OTHER, files=descriptor(url=OTHER))
    assert URL in caught.value.problems[0].expected
    with db.read(registered) as session:
        assert service.location_named(session, OTHER) is None


def test_register_shows_every_problem_and_keeps_nothing(organisation, developer):
    with pytest.raises(Invalid) as caught, db.write(organisation) as session:
        service.register(session, developer, URL, files=[SourceFile(URL[4:], b"kind: Component\nmetadata: {}\n")])
    assert all(one.line for one in caught.value.problems)
    assert len(caught.value.problems) >= 2


def test_a_broken_push_keeps_what_stood_and_shows_the_problem(registered, developer):
    problems = refresh(registered, developer, [SourceFile(URL[4:], b"a: b: c\n")])
    assert (problems[0]["line"], problems[0]["column"]) == (1, 5)
    with db.read(registered) as session:
        assert service.get(session, REF)


def test_an_entity_whose_document_vanished_goes_and_leaves_a_tombstone(registered, developer, descriptor):
    refresh(registered, developer, descriptor(name="renamed"))
    with db.read(registered) as session:
        assert service.find(session, REF) is None
        assert service.history(session, REF)[0].action == "removed"


def test_no_group_or_user_from_an_ordinary_location_changes_anything(registered, developer, descriptor):
    taken = GROUPS.replace("name: ada", "name: developer").replace("[payments]", "[platform-team]")
    problems = refresh(registered, developer, descriptor(taken))
    assert ["granted" in one["expected"] for one in problems] == [True, True]
    with db.read(registered) as session:
        assert service.groups_of(session, "user:default/developer") == []


def test_a_stranger_who_can_push_cannot_take_an_entity_over(registered, actor, descriptor):
    stranger = actor("developer", groups=("group:default/storefront",))
    problems = refresh(registered, stranger, descriptor(owner="storefront"))
    assert problems[0]["path"] == "spec.owner"
    with db.read(registered) as session:
        assert service.get(session, REF).owner == TEAM


def test_an_owner_may_hand_an_entity_over(registered, developer, descriptor):
    assert refresh(registered, developer, descriptor(owner="storefront")) == []


def test_only_platform_engineers_grant_and_losing_the_grant_takes_people_away(registered, developer, actor, descriptor):
    files, engineer = descriptor(GROUPS), actor("platform_engineer")
    with db.read(registered) as session:
        location_id = service.location_named(session, URL).id
    with pytest.raises(Forbidden), db.write(registered) as session:
        service.grant(session, developer, location_id, files, granted=True)
    for granted, groups in ((True, ["group:default/northbank", TEAM]), (False, [])):
        with db.write(registered) as session:
            service.grant(session, engineer, location_id, files, granted=granted)
        with db.read(registered) as session:
            assert service.groups_of(session, "user:default/ada") == groups


def test_files_of_the_host_are_never_a_location(organisation, developer, administrator):
    for target in ("file:/etc/passwd", "url:file:///etc/passwd", "file:///etc/passwd"):
        with pytest.raises((Forbidden, Invalid)) as caught:
            service.fetch_outside(organisation, target)
        assert "root:" not in str(caught.value)
        with pytest.raises((Forbidden, Invalid)), db.write(organisation) as session:
            service.register(session, administrator, target)


def test_only_owners_remove_and_the_last_entity_takes_its_location_along(registered, developer, actor):
    with pytest.raises(Forbidden), db.write(registered) as session:
        service.remove(session, actor("developer"), REF)
    for _ in range(2):
        with db.write(registered) as session:
            service.remove(session, developer, REF)
    with db.read(registered) as session:
        assert service.locations(session) == []
        assert [one.action for one in service.history(session, REF)] == ["removed", "registered"]
        with pytest.raises(NotFound):
            service.get(session, REF)


def test_documents_are_parsed_once_a_change_and_seen_by_their_own_writer(registered, developer, descriptor):
    with db.read(registered) as session:
        first = service.documents(session, "Component")
        assert service.documents(session, "Component") is first
    with contextlib.suppress(RuntimeError), db.write(registered) as session:
        service.register(session, developer, OTHER, files=descriptor(name="other", url=OTHER))
        assert len(service.documents(session, "Component")) == 2
        raise RuntimeError  # the change is rolled back, and with it what was seen
    with db.read(registered) as session:
        assert [one.name for one in service.documents(session, "Component")] == ["orders"]
        assert first[0].spec.owner == "payments"


def test_the_demo_loads_whole_and_a_second_start_writes_nothing(organisation, administrator):
    files = demo_files()
    with db.write(organisation) as session:
        assert service.load_granted(session, administrator, "demo", files) > 30
    with db.write(organisation) as session:
        assert service.load_granted(session, administrator, "demo", files) == 0


def test_lists_page_filter_and_count(organisation, administrator):
    with db.write(organisation) as session:
        service.load_granted(session, administrator, "demo", demo_files())
    with db.read(organisation) as session:
        names, cursor = [], None
        while True:
            page = service.list_entities(session, Filter(kind=("component",)), limit=3, cursor=cursor)
            names += [one.name for one in page.items]
            cursor = page.next
            if not cursor:
                break
        assert names == sorted(set(names))
        assert len(names) == page.total == 10
        wanted = Filter(owner=(TEAM,), tag=("tier-1",), text="order cart")
        assert [one.name for one in service.list_entities(session, Filter(text="cart reserves")).items] == [
            "checkout-api"
        ]
        assert service.list_entities(session, wanted).total == 0
        counts = service.facets(session, Filter(kind=("Component",), owner=(TEAM,)))
        assert dict(counts["owner"])["group:default/storefront"] == 5
        assert dict(counts["tag"])["tier-1"] == 3
        with pytest.raises(Invalid):
            service.list_entities(session, Filter(), cursor="bm9wZQ==")


def test_a_graph_grows_with_its_depth_and_names_no_reverse_twice(organisation, administrator):
    with db.write(organisation) as session:
        service.load_granted(session, administrator, "demo", demo_files())
    with db.read(organisation) as session:
        near, far = (service.graph(session, "component:checkout-api", depth) for depth in (1, 2))
    assert len(near["nodes"]) < len(far["nodes"])
    pairs = [frozenset((one["from"], one["to"])) for one in near["edges"]]
    assert len(pairs) == len(set(pairs)) == 7
    assert all(one["href"] for one in far["nodes"])


def test_relations_of_more_entities_than_a_statement_takes_values(organisation):
    with db.read(organisation) as session:
        assert service.relations_of(session, [f"component:default/c{number}" for number in range(70_000)]) == {}


def test_a_document_its_kind_would_refuse_today_leaves_its_siblings_alone(registered, developer, descriptor):
    with db.write(registered) as session:
        service.register(session, developer, OTHER, files=descriptor(name="other", url=OTHER))
        row = queries.by_ref(session, "component:default/other")
        row.doc = {**row.doc, "spec": {"type": 7}}
        queries.raise_revision(session)
    with db.read(registered) as session:
        assert [one.name for one in service.documents(session, "Component")] == ["orders"]

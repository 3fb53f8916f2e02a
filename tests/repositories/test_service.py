"""What was pushed is recorded once, whoever finds it first."""

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from towpath.catalog import jobs
from towpath.catalog import service as catalog
from towpath.kit import db, events
from towpath.kit.errors import Conflict, Forbidden
from towpath.repositories import git, http, queries, removal, service

FOUND = {"refs/heads/main": "c" * 40}


def test_a_change_that_two_find_at_once_is_one_event(organisation, developer):
    looked = threading.Event()
    with db.write(organisation) as session:
        uid = service.create(session, developer, "orders").uid

    def record(*, later: bool) -> list:
        assert not later or looked.wait(10)
        with db.write(organisation) as session:
            changes = service.record(session, developer, uid, FOUND)
            looked.set()
            time.sleep(0 if later else 0.2)  # the later one comes before this one has committed
        return changes

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(record, later=False), pool.submit(record, later=True)
        assert (len(first.result()), second.result()) == (1, [])
    with db.read(organisation) as session:
        told = [one.type for one in events.history(session, f"repository:{uid}")]
    assert told.count("dev.cdevents.change.merged") == 1


def test_an_empty_repository_is_ready_for_a_first_push_and_its_name_is_taken(organisation, developer):
    made = service.make(organisation, developer, "paths", owner="group:default/payments", description="Our paths")
    assert git.refs(service.folder(made.uid)) == {}
    assert git.run(service.folder(made.uid), "symbolic-ref", "HEAD").strip() == b"refs/heads/main"
    with pytest.raises(Conflict, match="paths"):
        service.make(organisation, developer, "paths")


def test_a_repository_that_git_could_not_make_leaves_its_name_free(organisation, developer, settings):
    folder = settings.data / "repositories"
    folder.write_text("in the way")
    with pytest.raises(OSError):
        service.make(organisation, developer, "paths")
    folder.unlink()
    assert service.make(organisation, developer, "paths").name == "paths"


TEMPLATE = """apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: small, title: %s}
spec: {type: service, parameters: [], steps: [{id: say, action: debug:log, input: {message: hi}}]}
"""


def pushed(ref, actor, uid, folder, title):
    """A commit of the template under that title, recorded as after a push."""
    (folder / "small").mkdir(parents=True, exist_ok=True)
    (folder / "small" / "template.yaml").write_text(TEMPLATE % title)
    git.commit_tree(service.folder(uid), folder, "main", title, ("Ada", "ada@example.com"))
    service.record_refs(ref, actor, uid)


def granted(ref, actor):
    """The template's location, registered with a grant."""
    address = "url:towpath://paths/blob/main/small/template.yaml"
    files = catalog.fetch_outside(ref, address)
    with db.write(ref) as session:
        catalog.register(session, actor, address, files=files, granted=True)


def test_only_owners_push_to_what_supplies_platform_documents(organisation, administrator, developer, tmp_path):
    made = service.make(organisation, administrator, "paths", owner="group:default/platform-team")
    pushed(organisation, administrator, made.uid, tmp_path / "tree", "First")
    with db.read(organisation) as session:
        service.require_push(session, developer, made)
    granted(organisation, administrator)
    with db.read(organisation) as session:
        with pytest.raises(Forbidden, match="supplies platform documents"):
            service.require_push(session, developer, made)
        service.require_push(session, administrator, made)


def titles(ref):
    """The titles of all templates in the catalog."""
    with db.read(ref) as session:
        return [one.title for one in catalog.everything(session, ["Template"])]


def test_a_push_renews_every_location_of_the_default_branch(organisation, administrator, tmp_path):
    made = service.make(organisation, administrator, "paths", owner="group:default/platform-team")
    pushed(organisation, administrator, made.uid, tmp_path / "tree", "First")
    granted(organisation, administrator)
    assert titles(organisation) == ["First"]
    pushed(organisation, administrator, made.uid, tmp_path / "tree", "Second")
    assert titles(organisation) == ["Second"]


def test_what_a_push_broke_or_took_away_keeps_what_it_said(organisation, administrator, tmp_path):
    made = service.make(organisation, administrator, "paths", owner="group:default/platform-team")
    pushed(organisation, administrator, made.uid, tmp_path / "tree", "First")
    granted(organisation, administrator)
    pushed(organisation, administrator, made.uid, tmp_path / "tree", "[not: a title")
    assert titles(organisation) == ["First"]
    (tmp_path / "tree" / "small" / "template.yaml").rename(tmp_path / "tree" / "small" / "moved.yaml")
    git.commit_tree(service.folder(made.uid), tmp_path / "tree", "main", "Move", ("Ada", "ada@example.com"))
    assert len(service.record_refs(organisation, administrator, made.uid)) == 1
    assert titles(organisation) == ["First"]


COMPONENT = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: %s}
spec: {type: service, lifecycle: production, owner: payments}
---
"""
API = """apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: orders-api}
spec: {type: openapi, lifecycle: production, owner: payments, definition: "openapi: 3.1.0"}
"""
ADDRESS = "url:towpath://orders/blob/main/catalog-info.yaml"


def holding(ref, actor, folder, text):
    """A repository 'orders' with that descriptor, registered, and linked with component:default/orders."""
    made = service.make(ref, actor, "orders", owner="group:default/payments")
    folder.mkdir()
    (folder / "catalog-info.yaml").write_text(text)
    git.commit_tree(service.folder(made.uid), folder, "main", "First", ("Ada", "ada@example.com"))
    service.record_refs(ref, actor, made.uid)
    files = catalog.fetch_outside(ref, ADDRESS)
    with db.write(ref) as session:
        catalog.register(session, actor, ADDRESS, files=files)
        service.link(session, made.uid, "component:default/orders")
    return made


@pytest.fixture
def delete(organisation, administrator, walk):
    """Delete component:default/orders, its run's steps done one after the other."""

    def start() -> None:
        with db.write(organisation) as session:
            run = catalog.delete(session, administrator, "component:default/orders", "orders")
        walk(organisation, run, jobs.steps(run), actor=administrator)

    return start


def test_what_the_catalog_read_from_a_repository_goes_with_it(organisation, administrator, tmp_path, delete):
    made = holding(organisation, administrator, tmp_path / "tree", COMPONENT % "orders" + API)
    with db.read(organisation) as session:
        found = removal.removals(session, catalog.get(session, "component:default/orders"))
    assert found[0].items == ("orders", "api:default/orders-api, read from it")
    delete()
    with db.read(organisation) as session:
        assert catalog.find(session, "api:default/orders-api") is None
        assert catalog.find(session, "component:default/orders") is None
        assert catalog.locations_reading(session, "towpath://") == []
        assert service.everything(session) == []
    assert not service.folder(made.uid).exists()


def test_a_repository_that_holds_another_component_blocks_the_deletion(organisation, administrator, tmp_path, delete):
    holding(organisation, administrator, tmp_path / "tree", COMPONENT % "orders" + COMPONENT % "billing")
    with pytest.raises(Conflict, match=r"also holds component:default/billing: delete that first"):
        delete()
    with db.write(organisation) as session:
        catalog.remove(session, administrator, "component:default/billing")
    delete()
    with db.read(organisation) as session:
        assert catalog.locations_reading(session, "towpath://") == []


def refusal(delete):
    """Why component:default/orders cannot go now."""
    with pytest.raises(Conflict) as told:
        delete()
    return told.value.message


def test_a_repository_that_supplies_platform_documents_does_not_go_with_a_component(
    organisation, administrator, tmp_path, delete
):
    holding(organisation, administrator, tmp_path / "tree", COMPONENT % "orders")
    files = catalog.fetch_outside(organisation, ADDRESS)
    with db.write(organisation) as session:
        catalog.register(session, administrator, ADDRESS, files=files, granted=True)
    assert "supplies platform documents" in refusal(delete)


def test_what_others_own_in_a_repository_blocks_the_deletion(organisation, administrator, tmp_path, delete):
    foreign = API.replace("owner: payments", "owner: checkout")
    holding(organisation, administrator, tmp_path / "tree", COMPONENT % "orders" + foreign)
    assert "api:default/orders-api of group:default/checkout" in refusal(delete)


def test_a_repository_of_another_owner_stays_without_its_component(organisation, administrator, tmp_path, delete):
    made = holding(organisation, administrator, tmp_path / "tree", COMPONENT.replace("payments", "checkout") % "orders")
    with db.read(organisation) as session:
        found = removal.removals(session, catalog.get(session, "component:default/orders"))
    assert found[0].items == ("the repository itself stays: orders belongs to group:default/payments",)
    delete()
    with db.read(organisation) as session:
        assert catalog.find(session, "component:default/orders") is None
        assert service.get(session, made.uid).component is None
    assert service.folder(made.uid).exists()


def test_files_named_by_a_location_of_another_repository_count_as_read_from_their_own(
    organisation, administrator, actor, tmp_path, delete
):
    """A grant there guards the push here, a push here renews it, and it goes when this repository goes."""
    made = holding(organisation, administrator, tmp_path / "tree", COMPONENT % "orders")
    (tmp_path / "tree" / "api.yaml").write_text(API)
    git.commit_tree(service.folder(made.uid), tmp_path / "tree", "main", "API", ("Ada", "ada@example.com"))
    whole = service.make(organisation, administrator, "platform", owner="group:default/platform-team")
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "all.yaml").write_text(
        "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: everything}\n"
        "spec: {targets: ['towpath://orders/blob/main/api.yaml']}\n"
    )
    git.commit_tree(service.folder(whole.uid), tmp_path / "all", "main", "All", ("Ada", "ada@example.com"))
    address = "url:towpath://platform/blob/main/all.yaml"
    files = catalog.fetch_outside(organisation, address)
    with db.write(organisation) as session:
        catalog.register(session, administrator, address, files=files, granted=True)
    with db.read(organisation) as session, pytest.raises(Forbidden, match="supplies platform documents"):
        service.require_push(session, actor("developer", groups=()), made)
    (tmp_path / "tree" / "api.yaml").write_text(API.replace("name: orders-api", "name: orders-api, title: New"))
    git.commit_tree(service.folder(made.uid), tmp_path / "tree", "main", "Title", ("Ada", "ada@example.com"))
    service.record_refs(organisation, administrator, made.uid)
    with db.write(organisation) as session:
        assert catalog.get(session, "api:default/orders-api").title == "New"
        row = catalog.location_named(session, address)
        catalog.grant(session, administrator, row.id, files, granted=False)
    delete()
    with db.read(organisation) as session:
        assert catalog.find(session, "api:default/orders-api") is None
        assert [one.target for one in catalog.locations_reading(session, "towpath://")] == [address[4:]]


def test_of_two_pushes_that_end_at_once_the_newer_stays_recorded(organisation, developer, tmp_path, monkeypatch):
    made = service.make(organisation, developer, "orders")
    (tmp_path / "tree").mkdir()
    for number in ("1", "2"):
        (tmp_path / "tree" / "a.txt").write_text(number)
        last = git.commit_tree(service.folder(made.uid), tmp_path / "tree", "main", number, ("Ada", "a@example.com"))
        if number == "1":
            first = git.refs(service.folder(made.uid))
    read = [first]

    def refs(bare):
        if not read:
            return {"refs/heads/main": last}
        old = read.pop()  # the slow one has read; meanwhile the other reads and records the newer commit
        assert len(service.record_refs(organisation, developer, made.uid)) == 1
        return old

    monkeypatch.setattr(git, "refs", refs)
    assert service.record_refs(organisation, developer, made.uid) == []
    with db.read(organisation) as session:
        assert {name: one.commit for name, one in queries.refs(session, made.uid).items()} == {"refs/heads/main": last}


def test_what_nobody_recorded_after_a_push_hands_no_component_over(organisation, administrator, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    made = service.make(organisation, administrator, "orders")
    for title, owner in (("First", "payments"), ("Taken", "strangers")):
        (tree / "catalog-info.yaml").write_text((COMPONENT % "orders").replace("payments", owner))
        git.commit_tree(service.folder(made.uid), tree, "main", title, ("Ada", "ada@example.com"))
        if title == "First":
            service.record_refs(organisation, administrator, made.uid)
            files = catalog.fetch_outside(organisation, ADDRESS)
            with db.write(organisation) as session:
                catalog.register(session, administrator, ADDRESS, files=files)
    service.catch_up()
    with db.read(organisation) as session:
        assert catalog.get(session, "component:default/orders").owner == "group:default/payments"
        assert len(catalog.location_named(session, ADDRESS).problems) == 1


def test_a_client_that_goes_away_leaves_no_git_behind():
    async def scenario() -> int | None:
        process = await http._start(["sh", "-c", "cat /dev/zero & wait"], {})  # the backend's child writes to its pipe
        feeder = asyncio.create_task(asyncio.sleep(60))
        with anyio.CancelScope() as client:
            async for _ in http._body(None, process, feeder, "uid", "git-upload-pack"):
                client.cancel()
        return process.returncode  # the pipe was read to its end: nobody holds its other side any more

    assert asyncio.run(scenario()) == -signal.SIGKILL

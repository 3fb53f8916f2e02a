"""What was pushed is recorded once, whoever finds it first."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from towpath.catalog import service as catalog
from towpath.kit import db, events
from towpath.kit.errors import Conflict, Forbidden
from towpath.repositories import git, service

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

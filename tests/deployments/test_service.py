"""Deployments: one for one bundle, whose way is asked for by its owner, gated by its environment, and can be gone back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from towpath.approvals import service as approvals
from towpath.catalog import service as catalog
from towpath.deployments import jobs, service
from towpath.kit import clock, db, live
from towpath.kit.errors import Conflict, Forbidden, NotFound
from towpath.runs import service as runs
from towpath.sdk.types import SourceFile

SCORE = (Path(__file__).parents[1] / "orchestrator" / "samples" / "orders.yaml").read_text()
ORDERS, FIRST, SECOND = "component:default/orders", "sha256:" + "1" * 64, "sha256:" + "2" * 64
DESCRIPTOR = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: orders, namespace: %s}
spec: {type: service, lifecycle: production, owner: group:default/payments}
"""


def descriptor(namespace="default"):
    return [SourceFile(f"towpath://{namespace}/blob/main/catalog-info.yaml", (DESCRIPTOR % namespace).encode())]


@pytest.fixture
def world(organisation, administrator, developer):
    """An organisation with the shipped environments and the component `orders` of the developer's team."""
    folder = resources.files("towpath.demo") / "platform"
    files = [SourceFile(f"file:{one.name}", one.read_bytes()) for one in folder.iterdir() if one.name.endswith("yaml")]
    with db.write(organisation) as session:
        catalog.load_granted(session, administrator, "platform", files)
        catalog.register(session, developer, f"url:{descriptor()[0].url}", files=descriptor())
    return organisation


def shipped(session, actor, digest, environment="development", *, commit="c" * 40, reason="publish"):
    """A deployment that ran."""
    row = service.ensure(session, actor, ORDERS, environment, digest, commit=commit, reason=reason)
    row.status, row.finished_at, row.score = "succeeded", clock.now(), SCORE
    session.flush()
    return row


def test_one_bundle_is_one_deployment_however_often_it_is_asked_for(world, developer):
    with db.write(world) as session:
        first = service.ensure(session, developer, ORDERS, "development", FIRST, commit="c" * 40)
        again = service.ensure(session, developer, ORDERS, "development", FIRST, commit="c" * 40)
        assert again.id == first.id
        assert [one.id for one in runs.find(session, kind="deployment")] == [first.id]


def test_the_step_and_the_event_that_ask_at_once_get_one_deployment(world, developer):
    asked = threading.Event()

    def ask(*, later: bool) -> str:
        assert not later or asked.wait(10)
        with db.write(world) as session:
            found = service.ensure(session, developer, ORDERS, "development", FIRST, commit="c" * 40).id
            asked.set()
            time.sleep(0 if later else 0.2)  # the later one comes before this one has committed
        return found

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(ask, later=False), pool.submit(ask, later=True)
        assert first.result() == second.result()


def test_a_failed_bundle_gets_a_new_attempt(world, developer):
    with db.write(world) as session:
        first = service.ensure(session, developer, ORDERS, "development", FIRST, commit="c" * 40)
        first.status = "failed"
        second = service.ensure(session, developer, ORDERS, "development", FIRST, commit="c" * 40)
        assert (first.attempt, second.attempt) == (1, 2)


def test_only_its_owner_promotes_and_rolls_back(world, developer, actor):
    stranger = actor("developer", ref="user:default/stranger", groups=("group:default/storefront",))
    with db.write(world) as session:
        row = shipped(session, developer, FIRST)
    for act in (
        lambda session: service.promote(session, stranger, ORDERS, "development", "staging"),
        lambda session: service.rollback(session, stranger, row.id),
    ):
        with pytest.raises(Forbidden, match="belongs to group:default/payments"), db.write(world) as session:
            act(session)


def test_nothing_is_promoted_from_where_nothing_runs(world, developer):
    with pytest.raises(NotFound), db.write(world) as session:
        service.promote(session, developer, ORDERS, "development", "staging")


def test_a_promotion_takes_the_same_bundle_and_commit_along(world, developer):
    with db.write(world) as session:
        shipped(session, developer, FIRST, commit="a" * 40)
        row = service.promote(session, developer, ORDERS, "development", "staging")
        assert (row.digest, row.commit, row.environment, row.reason) == (FIRST, "a" * 40, "staging", "promote")


def test_nothing_is_promoted_unnamed_while_another_release_takes_over(world, developer):
    with db.write(world) as session:
        shipped(session, developer, FIRST)
        service.ensure(session, developer, ORDERS, "development", SECOND, commit="d" * 40).status = "applying"
        with pytest.raises(Conflict, match=r"dddddddd is taking over in development"):
            service.promote(session, developer, ORDERS, "development", "staging")
        row = service.promote(session, developer, ORDERS, "development", "staging", digest=FIRST)
        assert (row.digest, row.environment) == (FIRST, "staging")


def test_a_promotion_refuses_a_bundle_other_than_the_one_looked_at(world, developer):
    with db.write(world) as session:
        shipped(session, developer, FIRST)
        shipped(session, developer, SECOND, commit="d" * 40)
        with pytest.raises(Conflict, match="development runs another release by now: dddddddd"):
            service.promote(session, developer, ORDERS, "development", "staging", digest=FIRST)


def test_the_way_back_is_open_while_a_release_takes_over(world, developer):
    with db.write(world) as session:
        old = shipped(session, developer, FIRST)
        service.ensure(session, developer, ORDERS, "development", SECOND, commit="d" * 40).status = "applying"
        row = service.rollback(session, developer, old.id)
        assert (row.digest, row.attempt, row.reason) == (FIRST, 2, "rollback")


@pytest.mark.parametrize(
    ("status", "why"), [("failed", "it never ran"), ("succeeded", "it runs now")], ids=lambda value: value
)
def test_there_is_no_way_back_to_what(world, developer, status, why):
    with db.write(world) as session:
        row = shipped(session, developer, FIRST)
        row.status = status
    with pytest.raises(Conflict), db.write(world) as session:
        service.rollback(session, developer, row.id)


def test_the_way_back_is_a_new_attempt_of_the_old_bundle(world, developer):
    with db.write(world) as session:
        old = shipped(session, developer, FIRST)
        shipped(session, developer, SECOND)
        row = service.rollback(session, developer, old.id)
        assert (row.digest, row.attempt, row.reason) == (FIRST, 2, "rollback")


def gate(session, row):
    return service.gate(session, runs.get(session, row.id), SCORE)


@pytest.mark.parametrize(
    ("status", "first", "later"),
    [("queued", None, 0), ("applying", None, 0), ("waiting", None, None), ("succeeded", None, None)],
    ids=["came first", "changes the environment", "waits for an approval", "has ended"],
)
def test_a_deployment_is_planned_when_nothing_changes_its_environment(world, developer, status, first, later):
    """Two quick pushes: the plan of the second, made beside the first, would be refused as stale."""
    with db.write(world) as session:
        rows = [
            service.ensure(session, developer, ORDERS, "development", digest, commit="c" * 40)
            for digest in (FIRST, SECOND)
        ]
        rows[0].status = status
        session.flush()
        found = [service.ahead(session, row.id) for row in rows]
    assert [one and rows.index(one) for one in found] == [first, later]


def test_the_turn_of_a_deployment_comes_when_the_one_ahead_has_ended(world, developer):
    with db.write(world) as session:
        first, second = (
            service.ensure(session, developer, ORDERS, "development", digest, commit="c" * 40).id
            for digest in (FIRST, SECOND)
        )
    said = []
    ctx = SimpleNamespace(database=world, check=lambda: None, log=said.append, read=lambda: db.read(world))
    waiting = threading.Thread(target=jobs._await_turn, args=(second, ctx))
    waiting.start()
    while not said:
        time.sleep(0.01)
    with db.write(world) as session:
        service.get(session, first).status = "failed"
    live.wake(f"runs:{world.name}")
    waiting.join(10)
    assert (waiting.is_alive(), said) == (False, ["Waiting for the deployment of cccccccc, which is queued"])


def test_production_waits_for_an_approval_bound_to_the_plan(world, developer, administrator):
    with db.write(world) as session:
        row = service.ensure(session, developer, ORDERS, "production", FIRST, commit="c" * 40, reason="promote")
        assert not gate(session, row)
        assert row.status == "waiting"
        asked = approvals.of_run(session, row.id)[0]
        approvals.decide(session, administrator, asked.id, approve=True)
        assert gate(session, row)
        assert (row.status, row.approved_by) == ("applying", administrator.ref)


def test_a_way_back_in_production_needs_no_new_approval(world, developer):
    with db.write(world) as session:
        old = shipped(session, developer, FIRST, "production", reason="promote")
        shipped(session, developer, SECOND, "production", reason="promote")
        assert gate(session, service.rollback(session, developer, old.id))
        assert approvals.find(session, decision="pending") == []


def test_a_refused_deployment_says_by_whom(world, developer, administrator):
    with db.write(world) as session:
        row = service.ensure(session, developer, ORDERS, "production", FIRST, commit="c" * 40)
        gate(session, row)
        asked = approvals.of_run(session, row.id)[0]
        approvals.decide(session, administrator, asked.id, approve=False, comment="on Friday?")
        with pytest.raises(Forbidden, match=administrator.ref):
            gate(session, row)


def test_a_namesake_of_another_namespace_cannot_take_the_service_over(world, developer):
    with db.write(world) as session:
        shipped(session, developer, FIRST)
        catalog.register(session, developer, f"url:{descriptor('other')[0].url}", files=descriptor("other"))
        row = service.ensure(session, developer, "component:other/orders", "development", SECOND, commit="d" * 40)
        with pytest.raises(Conflict, match=ORDERS):
            gate(session, row)


def test_changes_name_commit_bundle_and_the_lines_of_the_workload(world, developer):
    with db.write(world) as session:
        shipped(session, developer, FIRST, commit="a" * 40)
        row = shipped(session, developer, SECOND, commit="b" * 40)
        row.score = SCORE + "# more\n"
        what = {name: (old, new) for name, old, new in service.changes(session, row)}
        assert what["commit"] == ("a" * 8, "b" * 8)
        assert what["score.yaml"] == ("", "# more")


def test_the_matrix_shows_what_runs_and_what_is_on_its_way(world, developer):
    with db.write(world) as session:
        old = shipped(session, developer, FIRST)
        new = service.ensure(session, developer, ORDERS, "development", SECOND, commit="d" * 40)
        cell = service.matrix(session)[ORDERS]["development"]
        assert (cell.current.id, cell.way.id) == (old.id, new.id)
        assert cell.state == "stopped"  # no process of it runs in this test
        assert service.matrix(session)[ORDERS]["staging"].current is None


def test_a_deleted_component_gives_back_its_hostnames_and_no_namesakes(world, developer):
    other = descriptor("other")
    with db.write(world) as session:
        catalog.register(session, developer, f"url:{other[0].url}", files=other)
        shipped(session, developer, FIRST)
        theirs = service.ensure(session, developer, "component:other/orders", "development", SECOND, commit="d" * 40)
        theirs.status = "failed"
        session.flush()
        hosts = [
            service.hosts(session, catalog.get(session, f"component:{namespace}/orders"))
            for namespace in ("default", "other")
        ]
    assert hosts == [["orders.development.localhost"], []]


def test_after_a_restore_what_ran_everywhere_comes_back_without_an_approval(world, developer, administrator):
    with db.write(world) as session:
        shipped(session, developer, FIRST)
        shipped(session, developer, SECOND, commit="d" * 40)
        shipped(session, developer, FIRST, "production", reason="promote")
        back = service.bring_back(session, administrator)
        assert {(one.environment, one.digest, one.attempt) for one in back} == {
            ("development", SECOND, 2), ("production", FIRST, 2),
        }  # fmt: skip
        assert all(gate(session, one) for one in back)
        assert approvals.find(session, decision="pending") == []

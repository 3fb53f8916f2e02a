"""Applying a plan brings resources about in order, keeps secrets out of rows, and goes on where it stopped."""

# ruff: noqa: PLR0917 (fixtures are arguments)

from dataclasses import replace

import pytest

from towpath.kit import db
from towpath.kit.errors import Conflict, Unavailable
from towpath.kit.jobs import Cancelled
from towpath.orchestrator import queries
from towpath.orchestrator import service as orchestrator
from towpath.orchestrator.service import leases
from towpath.runs import service as runs
from towpath.secrets import service as secrets

DB = "postgres.default#uid-orders.development.db"
MAIN = "service.default#uid-orders.development.main"
ROUTE = "route.default#uid-orders.development.route"


@pytest.fixture
def make_plan(platform, drivers, component, development, score):
    def make(text=score, artifact="sha256:1", component=component):
        with db.read(platform) as session:
            return orchestrator.plan(
                session, component=component, environment=development, score=text, artifact=artifact
            )

    return make


def held(platform, component):
    with db.read(platform) as session:
        return {one.type: one for one in orchestrator.resources(session, component.uid)}


def test_apply_returns_outputs_and_the_address(make_plan, context, platform, component):
    got = orchestrator.apply(make_plan(), context(), {"release": "r1"})
    assert got["url"] == "http://orders.development.localhost:7080"
    assert got["outputs"][DB]["host"] == "127.0.0.1"
    assert {one.status for one in held(platform, component).values()} == {"ready"}


def test_the_service_gets_resolved_values_with_secrets_apart(make_plan, context, drivers):
    orchestrator.apply(make_plan(), context(), {"release": "r1"})
    [(_, want, ctx)] = drivers.service.calls
    assert want.params["variables"] == {
        "TEAM": "payments", "DATABASE_HOST": "127.0.0.1", "PRICE": "${not.a.placeholder}",
    }  # fmt: skip
    assert want.params["secret_variables"] == {"DATABASE_URL": "postgres://orders:s3cret-password@127.0.0.1/orders"}
    assert ctx.given["release"] == "r1"
    [(_, route, _)] = drivers.route.calls
    assert route.params["logical"] == "orders.development"


def test_a_secret_is_nowhere_but_sealed(make_plan, context, platform, settings):
    lines = []
    got = orchestrator.apply(make_plan(), context(log=lines.append), {})
    assert "s3cret-password" not in f"{got}{lines}{make_plan()}"
    with db.read(platform) as session:
        ref = secrets.SecretRef.of(queries.get(session, DB).secret_refs["password"])
        assert secrets.resolve(session, ref).reveal() == "s3cret-password"
    db.dispose()
    files = [path for path in settings.data.rglob("*") if path.is_file()]
    assert not [path for path in files if b"s3cret-password" in path.read_bytes()]


def test_a_second_apply_keeps_everything_and_still_knows_the_password(make_plan, context, drivers):
    orchestrator.apply(make_plan(), context("run-1"), {})
    again = make_plan()
    assert {one.action for one in again.changes} == {"keep"}
    orchestrator.apply(again, context("run-2"), {})
    assert "s3cret-password" in drivers.service.calls[1][1].params["secret_variables"]["DATABASE_URL"]
    assert drivers.postgres.calls[1][1].state == {"made": DB}


def test_a_failure_names_the_resource_and_a_repeat_goes_on(make_plan, context, drivers, platform, component):
    plan = make_plan()
    drivers.service.fails = "no port free; password was s3cret-password"
    with pytest.raises(Unavailable, match=r"service main: .*no port free; password was \*\*\*\*"):
        orchestrator.apply(plan, context("run-1"), {})
    now = held(platform, component)
    assert (now["postgres"].status, now["service"].status) == ("ready", "failed")
    assert "route" not in now
    drivers.service.fails = ""
    assert orchestrator.apply(plan, context("run-1"), {})["url"]


def test_what_a_killed_first_apply_left_can_be_found_by_its_driver(make_plan, context, drivers, platform, component):
    class Killed(BaseException):
        pass

    def killed(want, ctx):
        raise Killed

    drivers.service.apply = killed
    with pytest.raises(Killed):
        orchestrator.apply(make_plan(), context("run-1"), {})
    with db.read(platform) as session:
        row = queries.get(session, MAIN)
        assert (row.status, row.depends_on) == ("applying", [DB])
        assert "${resources.db.password}" in str(row.params)
        assert "s3cret-password" not in str(row.params)
    orchestrator.destroy(component.uid, None, context("run-2"))
    [(_, want, _)] = drivers.service.calls
    assert want.params["name"] == "orders"


def test_a_stale_plan_is_refused(make_plan, context):
    plan = make_plan()
    orchestrator.apply(plan, context("run-1"), {})
    with pytest.raises(Conflict, match="changed since"):
        orchestrator.apply(plan, context("run-2"), {})


def without_database(score):
    lines = score.decode().splitlines(keepends=True)
    kept = [line for line in lines if "resources.db" not in line and line != "  db:\n" and "type: postgres" not in line]
    return "".join(kept).encode()


def test_what_is_no_longer_wanted_goes_with_its_secrets(make_plan, context, drivers, platform, component, score):
    orchestrator.apply(make_plan(), context("run-1"), {})
    plan = make_plan(without_database(score))
    assert ("destroy", ("its data is deleted",)) in [(one.action, one.details) for one in plan.changes]
    orchestrator.apply(plan, context("run-2"), {})
    assert drivers.postgres.calls[-1][0] == "destroy"
    assert drivers.postgres.calls[-1][2].given["secrets"]["password"].reveal() == "s3cret-password"
    assert "postgres" not in held(platform, component)
    with db.read(platform) as session:
        assert secrets.listed(session, component.ref) == []


def test_a_rollback_never_takes_data(make_plan, context, drivers, platform, component, score):
    orchestrator.apply(make_plan(), context("run-1"), {})
    orchestrator.apply(make_plan(without_database(score)), context("run-2"), {}, rollback=True)
    assert "postgres" in held(platform, component)


def test_destroy_takes_dependents_first_and_leaves_nothing(make_plan, context, drivers, platform, component):
    order = []
    for one in (drivers.postgres, drivers.service, drivers.route):
        one.destroy = lambda want, ctx: order.append(want.type)
    orchestrator.apply(make_plan(), context("run-1"), {})
    assert orchestrator.destroy(component.uid, None, context("run-2")) == 4
    assert order == ["route", "service", "postgres"]
    assert orchestrator.destroy(component.uid, None, context("run-2")) == 0
    assert held(platform, component) == {}


def test_a_shared_resource_outlives_all_but_its_last_user(make_plan, context, drivers, platform, component, score):
    text = score.replace(b"type: postgres", b"type: postgres\n    id: main")
    other = replace(component, uid="uid-bills", ref="component:default/bills", name="bills")
    orchestrator.apply(make_plan(text), context("run-1"), {})
    orchestrator.apply(make_plan(text, component=other), context("run-2"), {})
    orchestrator.destroy(component.uid, None, context("run-3"))
    assert [call[0] for call in drivers.postgres.calls] == ["apply", "apply"]
    orchestrator.destroy(other.uid, None, context("run-4"))
    assert drivers.postgres.calls[-1][0] == "destroy"


def test_a_living_run_keeps_others_out_and_a_dead_one_does_not(platform, context, developer):
    with db.write(platform) as session:
        living = runs.start(session, developer, "deployment", title="t", subject="s", input={})
    key = "uid-orders/development"
    with (
        leases.held(context(living.id), [key]),
        pytest.raises(Conflict, match=living.id),
        leases.held(context("run-2"), [key], wait_s=0),
    ):
        raise AssertionError("two at once")
    with leases.held(context("dead"), [key]), leases.held(context("run-2"), [key], wait_s=0) as holder:
        assert holder == "run-2"


def test_a_cancelled_run_stops_before_the_next_resource(make_plan, context, drivers):
    with pytest.raises(Cancelled):
        orchestrator.apply(make_plan(), context(cancelled=lambda: bool(drivers.postgres.calls)), {})
    assert drivers.service.calls == []


def test_a_driver_that_stops_because_the_run_was_cancelled_did_not_fail(make_plan, context, drivers):
    drivers.service.fails = "it was cancelled"
    with pytest.raises(Cancelled):
        orchestrator.apply(make_plan(), context(cancelled=lambda: bool(drivers.service.calls)), {})


def test_secrets_of_the_environment_reach_the_service_only_sealed(
    make_plan, context, drivers, platform, component, developer, score
):
    with db.write(platform) as session:
        secrets.put(session, developer, "STRIPE", "sk-live", subject=f"{component.ref}@development")
    text = score.replace(
        b"      TEAM:", b"      STRIPE: ${resources.env.STRIPE}\n      E: ${resources.env.ENVIRONMENT}\n      TEAM:"
    )
    orchestrator.apply(make_plan(text + b"  env:\n    type: environment\n"), context(), {})
    params = drivers.service.calls[0][1].params
    assert (params["secret_variables"]["STRIPE"], params["variables"]["E"]) == ("sk-live", "development")


def test_explain_lists_every_candidate(platform, drivers, component, development, score):
    with db.read(platform) as session:
        found = dict(orchestrator.explain(session, component, development, score))
    assert found["db"][0].definition.name == "postgres-embedded"
    assert list(found) == ["db", "dns", "route", "main"]

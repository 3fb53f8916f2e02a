"""A deployment's run: plan, gate, apply, announce."""

from typing import Any

from towpath.artifacts import service as artifacts
from towpath.deployments import service
from towpath.kit import db, jobs, live
from towpath.kit.jobs import WAIT, Act, Context, Fact, Job
from towpath.orchestrator import service as orchestrator
from towpath.organisations import service as organisations
from towpath.sdk.types import RunView


def _read(session: db.Session, run: RunView) -> dict[str, str]:
    return {"repository": service.source(session, run.subject), "commit": run.input["commit"], "run": run.id}


def _load(data: dict[str, str], ctx: Context) -> dict[str, str]:
    _await_turn(data["run"], ctx)
    ctx.log(f"Reading score.yaml at {data['commit'][:8]}")
    return {"score": service.score_at(data["repository"], data["commit"])}


def _await_turn(run_id: str, ctx: Context) -> None:
    """Wait until nothing changes the environment: what is planned then is true when it is applied."""
    told, topic = "", f"runs:{ctx.database.name}"
    while True:
        seen = live.count(topic)
        ctx.check()
        with ctx.read() as session:
            other = service.ahead(session, run_id)
            name = f"{other.commit[:8]}, which is {other.status}" if other else ""
        if not name:
            return
        if name != told:
            ctx.log(f"Waiting for the deployment of {name}")
        told = name
        with jobs.aside():
            live.wait(topic, seen, 1.0)


def _gate(session: db.Session, run: RunView) -> Any:
    if not service.gate(session, run, run.results["load"]["score"]):
        return WAIT
    return {"plan": service.get(session, run.id).plan, "again": True}  # a retry meets other resources, perhaps


def _wanted(session: db.Session, run: RunView) -> dict[str, Any]:
    row = service.get(session, run.id)
    organisation, component = db.database(session).name, run.subject.rpartition("/")[2]
    hostname = organisations.hostname_for(organisation, component, row.environment)
    given = service.given(session, run, hostname)
    return {
        "plan": row.plan,
        "given": given,
        "run": run.id,
        "host": hostname,
        "rollback": row.reason in service.RETURNING,
    }


def _apply(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
    with db.write(organisations.control()) as control:  # the control write comes first
        organisations.claim_hostname(control, data["host"], ctx.database.name, data["run"])
    artifacts.at_hand(data["given"]["bundle"])
    applied = orchestrator.apply(orchestrator.from_json(data["plan"]), ctx, data["given"], rollback=data["rollback"])
    return {"url": applied.get("url")}


def _announce(session: db.Session, run: RunView) -> dict[str, Any]:
    row = service.settle(session, run, run.results["apply"])
    links = [{"title": "Open the service", "url": row.url, "icon": "external-link"}] if row.url else []
    return {"output": {"url": row.url, "deployment": row.id, "links": links}}


def _steps(run: RunView) -> list[Act | Fact]:
    return [
        Act("load", "Read the workload", _read, _load),
        Fact("plan", "Plan and ask the gates", _gate),
        Act("apply", "Provision and start", _wanted, _apply),
        Fact("announce", "Announce", _announce),
    ]


DEPLOYMENT = Job("deployment", _steps, service.close)

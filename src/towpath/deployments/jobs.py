"""A deployment's run: plan, gate, apply, announce."""

from typing import Any

from towpath.deployments import service
from towpath.kit import db
from towpath.kit.jobs import WAIT, Act, Context, Fact, Job
from towpath.orchestrator import service as orchestrator
from towpath.organisations import service as organisations
from towpath.sdk.types import RunView


def _read(session: db.Session, run: RunView) -> dict[str, str]:
    return {"repository": service.source(session, run.subject), "commit": run.input["commit"]}


def _load(data: dict[str, str], ctx: Context) -> dict[str, str]:
    ctx.log(f"Reading score.yaml at {data['commit'][:8]}")
    return {"score": service.score_at(data["repository"], data["commit"])}


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

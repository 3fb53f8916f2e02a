"""Two tenants of one install, each with a row of every kind, and what of it must never reach the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson
import pytest
from fastapi.testclient import TestClient

from towpath import demo
from towpath.app import create_app
from towpath.approvals import service as approvals
from towpath.artifacts import service as artifacts
from towpath.artifacts import store
from towpath.catalog import service as catalog
from towpath.deployments import service as deployments
from towpath.golden_paths import rendering
from towpath.golden_paths import service as golden_paths
from towpath.identity import service as identity
from towpath.identity.model import SignInSession
from towpath.kit import clock, db
from towpath.kit.actor import Actor, Role, platform
from towpath.orchestrator.model import EnvironmentState, ResourceRow, ResourceUse
from towpath.organisations import service as organisations
from towpath.pipelines import service as pipelines
from towpath.pipelines.model import PipelineStep
from towpath.platform import Platform
from towpath.repositories import git
from towpath.repositories import service as repositories
from towpath.runs import api as runs_api
from towpath.runs import queries as run_queries
from towpath.runs import service as runs
from towpath.runs.model import RunLog, RunStep
from towpath.runtimes import api as runtimes_api
from towpath.runtimes import state
from towpath.sdk.types import SourceFile
from towpath.secrets import service as secrets

SHARED = "orders"
DOCUMENTS = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {{name: {own}-path, title: {word} path}}
spec: {{type: service, owner: group:default/{own}-team, steps: [{{id: say, action: debug:log, input: {{message: hi}}}}]}}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {{name: {own}-team, description: {word} team}}
spec: {{type: team, children: []}}
"""
COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: {name}, title: {word} {name}, description: {word} service, tags: [{own}]}}
spec: {{type: service, lifecycle: production, owner: group:default/{own}-team}}
"""
SCORE = """\
apiVersion: score.dev/v1b1
metadata: {{name: {name}}}
containers: {{app: {{image: ., variables: {{GREETING: {word}}}}}}}
"""


@dataclass
class Tenant:
    """An organisation. `word` stands in every text of it, `own` in its names; `known` are values by parameter name.

    Of each parameter the first value names what only this tenant has, the last what both have, as their names agree.
    """

    ref: db.DatabaseRef
    word: str
    own: str
    actor: Actor
    token: str
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)


@pytest.fixture
def tenants(settings, founded) -> tuple[Tenant, Tenant]:
    """The install's first organisation and a second one."""
    Platform(settings)  # registers hooks and subscribers, as an entrance does
    runs.launch_with(None)
    return tuple(furnish(founded(*one[:2]), *one[2:]) for one in (
        ("northbank", "Northbank", "birchwood", "lantern"), ("southbank", "Southbank", "saltmarsh", "ledger"),
    ))  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def children() -> Iterator[None]:
    """The template children of these tests end with them."""
    yield
    rendering.close()


@pytest.fixture
def client(settings, tenants, monkeypatch) -> TestClient:
    """The whole application in this process, over both tenants; streams that never end do so after 0.3 s."""
    monkeypatch.setattr(runtimes_api, "STREAM_S", 0.3)
    monkeypatch.setattr(runs_api, "RECHECK_S", 0.3)
    monkeypatch.setattr(runs_api, "KEEP_ALIVE_S", 0.3)
    monkeypatch.setattr(runs_api, "POLL_S", 0.3)
    app = create_app(Platform(settings))
    return TestClient(app, base_url="http://portal.test", follow_redirects=False, raise_server_exceptions=False)


def furnish(ref: db.DatabaseRef, word: str, own: str) -> Tenant:
    """Give an organisation an account with a token, documents, and two services with all that belongs to them."""
    with db.write(organisations.control()) as session:
        account = identity.create_account(session, f"{own}-admin", f"{word} administrator", "password")
        organisations.join(session, account.id, ref.name, "user:default/administrator", Role.administrator)
        session.add(SignInSession(
            hash=f"{own}-session", account_id=account.id, organisation_id=ref.name, csrf=word, created_at=clock.now(),
            expires_at=clock.now(),
        ))  # fmt: skip
        organisations.join(session, f"{own}-account", ref.name, f"user:default/{own}-clerk", Role.developer)
    actor = identity.by_ref(ref.name, "user:default/administrator")
    with db.write(ref) as session:
        token = identity.create_token(session, actor, f"{word} token")
        shipped = sorted((demo.folder() / "platform").rglob("*.yaml"))
        files = [SourceFile(f"file:{path}", path.read_bytes()) for path in shipped]
        catalog.load_granted(session, platform(ref.name), "platform", files)
        own_file = SourceFile("file:own.yaml", DOCUMENTS.format(own=own, word=word).encode())
        catalog.load_granted(session, platform(ref.name), "own", [own_file])
    tenant = Tenant(ref, word, own, actor, token.secret)
    learn(tenant, token=token.id, user=f"user:default/{own}-clerk")
    learn(tenant, template=f"template:default/{own}-path", path=f"{own}-path")
    for name in (own, SHARED):
        furnish_service(tenant, name)
    tenant.private |= {word, own, ref.name, token.secret, account.id}
    return tenant


def learn(tenant: Tenant, **values: str) -> None:
    """Remember values a request may name; all but the shared name are the tenant's own."""
    for key, value in values.items():
        tenant.known[key] = (*tenant.known.get(key, ()), value)
        if SHARED not in value and tenant.own not in value:  # `own` itself is private already
            tenant.private.add(value)


def furnish_service(tenant: Tenant, name: str) -> None:
    """A component with its repository, runs, bundle, deployment, resource, secret and what runs of it."""
    commit, uid = furnish_repository(tenant, name)
    ref, entity = f"component:default/{name}", f"url:towpath://{name}/blob/main/catalog-info.yaml"
    with db.write(tenant.ref) as session:
        files = [SourceFile(entity[4:], text_of(tenant, name))]
        component = catalog.register(session, tenant.actor, entity, files=files)[0]
        location = catalog.location_named(session, entity)
        repositories.link(session, uid, ref)
        secrets.put(session, tenant.actor, f"{tenant.own}_key", f"{tenant.word} secret", subject=ref)
        learn(tenant, name=name, ref=ref, uid=component.uid, location=location.id if location else "", commit=commit)
        learn(tenant, repository=uid, url=entity, target=entity[4:], filter=f"metadata.uid={component.uid}")
        learn(tenant, secret=f"{tenant.own}_key")
    digest = furnish_bundle(tenant, uid, commit)
    with db.write(tenant.ref) as session:
        furnish_runs(session, tenant, name, commit, digest)
        furnish_resource(session, tenant, component.uid, ref)
    furnish_runtime(tenant, name)


def text_of(tenant: Tenant, name: str) -> bytes:
    """The descriptor of a component."""
    return COMPONENT.format(name=name, word=tenant.word, own=tenant.own).encode()


def furnish_repository(tenant: Tenant, name: str) -> tuple[str, str]:
    """A repository with one commit; returns the commit and the uid."""
    with db.write(tenant.ref) as session:
        made = repositories.create(session, tenant.actor, name, description=tenant.word, owner=tenant.own)
    bare = repositories.folder(made.uid)
    source = bare.parent / f"source-{made.uid}"
    source.mkdir()
    (source / "catalog-info.yaml").write_bytes(text_of(tenant, name))
    (source / "score.yaml").write_text(SCORE.format(name=name, word=tenant.word))
    git.init_bare(bare, "main")
    commit = git.commit_tree(bare, source, "main", f"{tenant.word} begins", (tenant.word, "a@example.org"))
    repositories.record_refs(tenant.ref, tenant.actor, made.uid)
    return commit, made.uid


def furnish_bundle(tenant: Tenant, repository: str, commit: str) -> str:
    """A bundle of stored parts; returns its digest."""
    part, size = store.put(tenant.ref.name, [f"{tenant.word} part of {repository}".encode()])
    config, _ = store.put(tenant.ref.name, [orjson.dumps({"start": [tenant.word, repository], "health": {}})])
    layers = [{"mediaType": "application/vnd.towpath.wheel.v1", "digest": part, "size": size}]
    manifest = {"config": {"digest": config}, "layers": layers, "annotations": {"made-by": tenant.word}}
    digest, _ = store.put(tenant.ref.name, [orjson.dumps(manifest)])
    packed = artifacts.Packed(digest, f"{tenant.own}-bundle", "1.0", "layer", size, manifest)
    with db.write(tenant.ref) as session:
        artifacts.publish(
            session, tenant.actor, packed, repository=repository, commit=commit, branch="main", run_id="none"
        )
    learn(tenant, digest=part)
    learn(tenant, digest=digest)
    return digest


def furnish_runs(session: db.Session, tenant: Tenant, name: str, commit: str, digest: str) -> None:
    """A walked path with its pipeline and deployment, an open approval, a failed run and one that still runs."""
    who, uid = tenant.actor, repositories.named(session, name).uid
    task = golden_paths.start(session, who, f"template:default/{tenant.own}-path", {"note": tenant.word}).id
    pipeline = pipelines.start(session, who, uid, commit, "main", root_id=task).id
    row = deployments.ensure(
        session, who, f"component:default/{name}", "development", digest, commit=commit, root_id=task
    )
    row.status, row.score, row.url = "succeeded", f"# {tenant.word}", f"http://{name}.{tenant.word}.localhost"
    asked = approvals.request(
        session, subject=f"component:default/{name}", title=f"{tenant.word} asks", digest=digest, rule=tenant.word,
        requested_by=Actor("user:default/other", tenant.ref.name), run_id=row.id,
    )  # fmt: skip
    failed, open_ = (runs.start(session, who, "task", title=tenant.word, subject=tenant.own, input={}).id for _ in "12")
    ended = dict.fromkeys((task, pipeline, row.id), "succeeded")
    for run_id, status in {**ended, failed: "failed", open_: "running"}.items():
        stand(session, tenant, run_id, status)
    session.add(PipelineStep(
        run_id=pipeline, job=tenant.word, number=1, name=tenant.word, status="succeeded", started_at=clock.now()
    ))  # fmt: skip
    learn(tenant, deployment=row.id, approval=asked.id)
    for run_id in (task, open_, failed, row.id, pipeline):
        learn(tenant, run=run_id)


def stand(session: db.Session, tenant: Tenant, run_id: str, status: str) -> None:
    """Let a run stand as if it had come so far, with a step, its output and a line of log."""
    found = run_queries.get(session, run_id)
    found.status, found.title, found.output = status, f"{tenant.word} run", {"output": {"said": tenant.word}}
    step = {"key": "say", "position": 0, "title": tenant.word, "status": "succeeded", "result": {"value": {}}}
    session.add(RunStep(run_id=run_id, **step))
    session.add(RunLog(run_id=run_id, seq=1, step="say", at=clock.now(), text=f"{tenant.word} says"))


def furnish_resource(session: db.Session, tenant: Tenant, component_uid: str, ref: str) -> None:
    """An applied resource with its use and the state of its environment."""
    key = f"{component_uid}.development"
    session.add(ResourceRow(
        uid=f"postgres.default#{key}.db", environment="development", type="postgres", class_="default", name="db",
        driver=tenant.word, definition="postgres", status="ready", message=tenant.word, stateful=True, params={},
        depends_on=[], state={}, outputs={"host": tenant.word}, secret_refs={}, artifact="", run_id="none",
        created_at=clock.now(), updated_at=clock.now(),
    ))  # fmt: skip
    session.add(ResourceUse(resource_uid=f"postgres.default#{key}.db", component_uid=component_uid, component_ref=ref))
    session.add(EnvironmentState(key=key, version=1, run_id=None, updated_at=clock.now()))


def furnish_runtime(tenant: Tenant, name: str) -> None:
    """What runs, as runtimes writes it down: state, log, hostname."""
    host = organisations.hostname_for(tenant.ref.name, name, "development")
    logical = host.removesuffix(".localhost")
    instance = state.Instance(f"{tenant.word}-1", f"{logical}-1", 1, "/readyz", "/healthz")
    made = state.State(logical, tenant.ref.name, name, "development", instance, hosts={"web": host})
    made.save()
    log = state.folder(logical) / "logs" / f"{tenant.word}-1.log"
    log.parent.mkdir()
    log.write_text(f"{tenant.word} serves\n")
    with db.write(organisations.control()) as control:
        organisations.claim_hostname(control, host, tenant.ref.name, "none")
    learn(tenant, host=host)


@pytest.fixture
def everything(settings) -> Callable[[Tenant], dict[str, list[str]]]:
    """`everything(tenant)`: every row and file of a tenant as text, by table, to see that nothing of it changed."""

    def look(tenant: Tenant) -> dict[str, list[str]]:
        with db.read(tenant.ref) as session, db.read(organisations.control()) as control:
            found = rows_of(session, db.Base)
            shared = rows_of(control, db.ControlBase)
        del shared["executor"]  # the install's, not a tenant's
        for table, rows in shared.items():
            found[f"control.{table}"] = [row for row in rows if any(word in row for word in tenant.private)]
        marks = (*tenant.known["repository"], tenant.ref.name, tenant.own)
        files = [path for path in settings.data.rglob("*") if path.is_file() and any(one in str(path) for one in marks)]
        kept = [path for path in files if ".db" not in path.suffix and ".locks" not in path.parts]
        found["files"] = sorted(f"{path} {hash(path.read_bytes())}" for path in kept)
        return found

    return look


def rows_of(session: db.Session, base: type) -> dict[str, list[str]]:
    """Every row of every table of one tree."""
    tables = base.metadata.sorted_tables
    return {table.name: sorted(repr(tuple(row)) for row in session.execute(table.select())) for table in tables}

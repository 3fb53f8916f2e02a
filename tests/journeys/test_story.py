"""The main job and the way back, through HTTP and git, on real engines."""

import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from bench import clone, road
from bench.install import Install, environment_of, fresh

REF = "component:default/orders"


@pytest.fixture(scope="module")
def install(layers):
    with fresh(layers=layers) as made:
        yield made


@pytest.fixture(scope="module")
def orders(install: Install):
    seconds, run = road.create(install, "orders")
    road.stages(install, run)
    return run, seconds


def visit(install: Install, path: str = "/", host: str = "orders.development.localhost", **options) -> httpx.Response:
    method = options.pop("method", "GET")
    return httpx.request(method, f"{install.edge}{path}", headers={"Host": host}, timeout=10, **options)


def ended(install: Install, run: str, limit_s: float = 60) -> dict:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = install.api.get(f"/api/v1/runs/{run}").json()
        if found["status"] not in ("queued", "running"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"run {run} did not end: {found}")


def deployments(install: Install, environment: str = "development") -> list[dict]:
    return install.api.get("/api/v1/deployments", params={"component": REF, "environment": environment}).json()


def push(install: Install, folder: Path, change) -> str:
    return clone.push(
        f"{install.api.base_url}/git/orders.git", install.api.headers["authorization"][7:], folder, change
    )


def deployed(install: Install, commit: str, limit_s: float = 60) -> dict:
    """The deployment of a commit to development, ended."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = [one for one in deployments(install) if one["commit"] == commit]
        if found and found[0]["status"] not in ("queued", "waiting", "applying"):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{commit} was not deployed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clone")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_click_gives_a_running_service_with_its_database(install, orders):
    assert visit(install, "/openapi.json").json()["info"]["title"] == "orders"
    assert visit(install, "/notes", method="POST", json={"text": "kept"}).status_code == 201
    assert [one["text"] for one in visit(install, "/notes").json()] == ["kept"]


@pytest.mark.slow
def test_a_create_is_one_tree_of_runs_with_one_deployment(install, orders):
    kinds = sorted(one["kind"] for one in install.api.get("/api/v1/runs", params={"root_id": orders[0]}).json())
    assert kinds == ["deployment", "pipeline", "task"]
    assert [one["status"] for one in deployments(install)] == ["succeeded"]
    assert deployments(install)[0]["actor"] == "user:default/developer"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_push_deploys_by_itself_and_the_data_stays(install, orders, folder):
    assert deployed(install, push(install, folder, clone.greet("Welcome to")))["status"] == "succeeded"
    assert visit(install).json()["message"] == "Welcome to orders"
    assert [one["text"] for one in visit(install, "/notes").json()] == ["kept"]


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_version_that_never_becomes_ready_takes_no_traffic(install, orders, folder):
    found = deployed(install, push(install, folder, clone.break_start))
    assert found["status"] == "failed"
    assert "broken" in str(install.api.get(f"/api/v1/runs/{found['id']}").json()["error"])
    assert visit(install).json()["message"] == "Welcome to orders"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_bad_score_fails_with_file_line_and_column(install, orders, folder):
    def change(folder: Path) -> None:
        score = folder / "score.yaml"
        score.write_text(score.read_text().replace("type: postgres", "type: postgers"))

    found = deployed(install, push(install, folder, change))
    error = install.api.get(f"/api/v1/runs/{found['id']}").json()["error"]
    assert found["status"] == "failed"
    assert error["errors"][0]["file"].endswith("score.yaml")
    assert error["errors"][0]["line"] > 1


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_rolling_back_is_one_call(install, orders):
    reply = install.api.post(f"/api/v1/deployments/{deployments(install)[-1]['id']}/rollback")
    assert reply.status_code == 202
    assert ended(install, reply.json()["id"])["status"] == "succeeded"
    assert visit(install).json()["message"] == "Hello from orders"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_production_needs_an_approval_by_somebody_else(install, orders):
    wish = {"component": REF, "source": "development", "target": "staging"}
    staging = install.api.post("/api/v1/deployments/promote", json=wish).json()
    assert ended(install, staging["id"])["status"] == "succeeded"
    assert visit(install, host="orders.staging.localhost").status_code == 200
    wish |= {"source": "staging", "target": "production"}
    production = install.api.post("/api/v1/deployments/promote", json=wish).json()
    assert ended(install, production["id"])["status"] == "waiting"
    asked = install.api.get("/api/v1/approvals", params={"decision": "pending"}).json()[0]
    own = install.api.post(f"/api/v1/approvals/{asked['id']}/decision", json={"approve": True})
    assert own.status_code == 403
    with install.client("platform-engineer") as other:
        assert other.post(f"/api/v1/approvals/{asked['id']}/decision", json={"approve": True}).status_code == 200
    for _ in range(1200):
        if install.api.get(f"/api/v1/runs/{production['id']}").json()["status"] == "succeeded":
            break
        time.sleep(0.05)
    assert visit(install, host="orders.production.localhost").status_code == 200


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_backup_becomes_the_same_install_elsewhere(install, orders, tmp_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("backup")
    archive, home = folder / "kept.tar", folder / "elsewhere" / "home"
    subprocess.run([install.program, "backup", archive], env=install.environment, check=True, capture_output=True)
    subprocess.run([install.program, "restore", archive], env=environment_of(home), check=True, capture_output=True)
    with fresh(home) as other:
        other.api.headers["authorization"] = install.api.headers["authorization"]  # what was a token there is one here
        back = [one for one in other.api.get("/api/v1/runs").json() if one["title"].startswith("Bring back")]
        assert [ended(other, one["id"])["status"] for one in back] == ["succeeded"] * 3
        for environment in ("development", "staging", "production"):
            host = f"orders.{environment}.localhost"
            assert visit(other, host=host).json() == visit(install, host=host).json()
        assert [one["text"] for one in visit(other, "/notes").json()] == ["kept"]
        first = deployments(other)[-1]["commit"]
        mended = push(other, tmp_path, lambda folder: clone.run(folder, "checkout", "-q", first, "--", "."))
        assert deployed(other, mended)["status"] == "succeeded"


@pytest.mark.slow
def test_a_taken_name_is_a_conflict_and_leaves_nothing(install, orders):
    values = {"name": "orders", "owner": "group:default/payments", "description": "", "database": False}
    reply = install.api.post("/api/scaffolder/v2/tasks", json={"templateRef": road.TEMPLATE, "values": values})
    run = ended(install, reply.json()["id"])
    assert run["status"] == "failed"
    assert "exists" in run["error"]["message"]
    assert len([one for one in deployments(install) if one["status"] == "succeeded"]) == 3


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_deleting_removes_everything_and_says_so(install, orders):
    address = "/api/v1/entities/component/default/orders"
    removals = {one["id"] for one in install.api.get(f"{address}/removals").json()}
    assert {"repositories.repository", "pipelines.bundles", "deployments.history"} <= removals
    assert install.api.delete(address, params={"confirm": "wrong"}).status_code == 400
    run = ended(install, install.api.delete(address, params={"confirm": "orders"}).json()["run"])
    assert run["status"] == "succeeded", run
    assert install.api.get("/api/catalog/entities/by-name/component/default/orders").status_code == 404
    for environment in ("development", "staging", "production"):
        assert visit(install, host=f"orders.{environment}.localhost").status_code == 404
    # What the refused second create wrote is that task's own, kept a day for its retry.
    left = [path for path in install.home.rglob("*orders*") if path.relative_to(install.home).parts[0] != "runs"]
    assert left == []
    with closing(sqlite3.connect(f"file:{install.home}/databases/control.db?mode=ro", uri=True)) as control:
        assert control.execute("select host from hostname").fetchall() == []
    assert [one["kind"] for one in install.api.get("/api/v1/runs", params={"subject": REF}).json()] == ["deletion"]
    assert [path for path in (install.home / "repositories").iterdir() if path.name.endswith(".git")] == []
    assert install.api.get("/api/catalog/entities/by-name/api/default/orders").status_code == 404
    assert "towpath://orders/" not in install.api.get("/api/catalog/locations").text
    with install.client("administrator") as administrator:
        audit = administrator.get("/settings/audit", params={"subject": REF}).text
    assert "catalog.delete" in audit


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_the_name_is_free_again(install, orders):
    _, run = road.create(install, "orders")
    assert ended(install, run)["status"] == "succeeded"

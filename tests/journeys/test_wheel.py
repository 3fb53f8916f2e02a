"""The built wheel, installed with its locked dependencies and nothing of the checkout, starts in an empty folder."""

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest
from bench.install import alive, free_port

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
PORTS = {
    "TOWPATH_PORT": str(free_port(7200, 7900)),
    "TOWPATH_EDGE_PORT": str(free_port(8200, 8900)),
    "TOWPATH_PORT_BASE": str(free_port(20000, 27000)),
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def uv(*words: object) -> None:
    done = subprocess.run(
        [UV, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "TOWPATH_SKIP_WEB": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel with the assets that set-up made."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--wheel", "--out-dir", folder, ".")
    return next(folder.glob("towpath-*.whl"))


@pytest.fixture(scope="module")
def program(wheel, tmp_path_factory):
    """The command `towpath` of an environment of its own."""
    place = tmp_path_factory.mktemp("venv") / "venv"
    uv("venv", "--quiet", "--python", sys.base_prefix, place)
    uv("pip", "install", "--quiet", "--python", place, "--require-hashes", "-r", ROOT / "requirements.lock")
    uv("pip", "install", "--quiet", "--python", place, "--no-deps", wheel)
    return place / "bin" / "towpath"


def bare(folder: Path) -> dict[str, str]:
    """What `env -i` leaves, and free ports."""
    home = folder / "user"
    home.mkdir(exist_ok=True)
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), **PORTS}


def await_ready(child: "subprocess.Popen[bytes]", address: str, said: Path) -> None:
    for _ in range(1200):
        assert child.poll() is None, said.read_text()
        try:
            if httpx.get(f"{address}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(said.read_text())


@pytest.fixture(scope="module")
def portal(program, tmp_path_factory):
    """A browser's view of `towpath up` in an empty folder; ended by `towpath down --services`, after which nothing lives."""
    folder = tmp_path_factory.mktemp("empty")
    environment, said = bare(folder), folder / "said"
    address = f"http://127.0.0.1:{PORTS['TOWPATH_PORT']}"
    with said.open("w") as sink:
        began = time.monotonic()
        child = subprocess.Popen(
            [program, "up"], cwd=folder, env=environment, stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        await_ready(child, address, said)
        print(f"the wheel's portal is ready after {time.monotonic() - began:.1f} s")
        with httpx.Client(base_url=address, headers={"Origin": address}, timeout=30) as browser:
            yield browser
        done = subprocess.run(
            [program, "down", "--services"], cwd=folder, env=environment, capture_output=True, check=False
        )
        assert child.wait(30) == 0
        assert b"Nothing of this install runs any more" in done.stdout, done.stderr
        assert alive(folder / ".towpath") == []
        assert sorted(path.name for path in folder.iterdir()) == [".towpath", "said", "user"]
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            child.wait()


def test_the_wheel_holds_all_of_the_package_and_nothing_else(wheel):
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "src/towpath", "examples"]
    tracked = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    wanted = {name.removeprefix("src/").replace("examples/", "towpath/examples/", 1) if name.startswith("examples/") else
              name.removeprefix("src/") for name in tracked if name and (ROOT / name).is_file()}  # fmt: skip
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert wanted - held == set()
    made = {"towpath/golden_paths/templating/nunjitsu.js", "towpath/ui/static/manifest.json"}
    assert made <= held
    strange = {name for name in held - wanted - made if not name.startswith("towpath/ui/static/")}
    assert strange == set()
    assert [name for name in held if "node_modules" in name or name.endswith(".map")] == []


def test_the_wheel_is_what_runs(program):
    code = "import towpath, sys; print(towpath.__file__); print(*sys.path, sep='\\n')"
    words = [program.with_name("python"), "-c", code]
    done = subprocess.run(words, cwd="/", env={}, capture_output=True, text=True, check=True)
    assert Path(done.stdout.splitlines()[0]).is_relative_to(program.parents[1])
    assert str(ROOT) not in done.stdout


def test_the_portal_of_the_wheel_shows_itself_with_all_its_assets(portal):
    page = portal.get("/sign-in").text
    assets = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert len(assets) >= 3
    assert {one: portal.get(one).status_code for one in assets} == dict.fromkeys(assets, 200)


def test_the_golden_path_of_the_wheel_is_offered_and_rendered(portal):
    signed = portal.post("/sign-in", data={"login": "developer", "password": "towpath"})
    assert signed.status_code == 303
    assert "Python web service" in portal.get("/create").text
    found = portal.get("/api/catalog/entities", params={"filter": "kind=template"}).json()
    assert [one["metadata"]["name"] for one in found] == ["python-web-service"]
    values = '{"name": "orders", "owner": "group:default/payments", "description": "", "database": true}'
    preview = portal.get("/create/templates/default/python-web-service/preview", params={"formData": values})
    assert "src/orders_service/app.py" in preview.text

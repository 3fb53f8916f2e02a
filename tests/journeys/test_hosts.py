"""The same install as another user: uid 1000 on a copy of the checkout, with user namespaces and without."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADA = 1000
MADE = ("src/towpath/ui/static", "src/towpath/golden_paths/templating/nunjitsu.js")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.getuid() != 0, reason="becoming another user needs the root user"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """What a clone has, and the assets that set-up makes, in a folder that only Ada may enter."""
    place = tmp_path_factory.mktemp("ada") / "towpath"
    listed = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place / name)
    for name in MADE:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, place / name)
    (place / ".venv").mkdir()
    for path in [place, *place.rglob("*")]:
        os.chown(path, ADA, ADA)
    place.chmod(0o700)
    return place


def as_ada(copy: Path, spaces: str, *words: str) -> subprocess.CompletedProcess[str]:
    home = copy / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, ADA, ADA)
    argv = [sys.executable, ROOT / "tests/journeys/as_ada.py", copy, ROOT / "home", spaces, sys.executable, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=390, check=False)


@pytest.fixture(scope="module")
def denied(copy) -> dict:
    """What a walk saw where nobody may make a user namespace."""
    done = as_ada(copy, "denied", "-m", "tests.journeys.walk_host")
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout)
    print({key: found[key] for key in ("uid", "kind", "up_s", "create_s", "uids")})
    return found


def test_as_another_user_a_create_works_and_the_jail_keeps_every_promise(copy):
    words = ("-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "-rs")
    done = as_ada(copy, "allowed", *words, "tests/kit/test_jail.py", "tests/journeys/test_jail.py")
    print(done.stdout[-300:])
    assert done.returncode == 0, done.stdout
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("cannot do root" in line or "needs root" in line for line in skipped), skipped


def test_without_user_namespaces_create_still_works(denied):
    assert (denied["uid"], denied["kind"], denied["task"]) == (ADA, "none", "succeeded")
    assert denied["note"] == 201


def test_without_user_namespaces_every_page_says_so(denied):
    assert [path for path, text in denied["pages"].items() if "not isolated" not in text] == []


def test_without_user_namespaces_the_doctor_names_the_remedy(denied):
    said = denied["doctor"]["out"].splitlines()
    where = next(number for number, line in enumerate(said) if " isolation " in line)
    assert "missing" in said[where]
    assert "max_user_namespaces" in said[where + 1]
    assert denied["doctor"]["code"] == 1


def test_without_user_namespaces_a_second_organisation_is_refused(denied):
    assert "two organisations" in denied["second"]


def test_without_user_namespaces_production_refuses_with_one_error(denied):
    said = denied["production"]
    assert said["code"] != 0
    error, remedy = said["error"].strip().splitlines()
    assert "production does not start" in error
    assert "max_user_namespaces" in remedy

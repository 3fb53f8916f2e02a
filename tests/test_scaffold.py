"""What `make new-…` writes passes the house's own checks as written: each addition in one copy of the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools import scaffold

ROOT = Path(__file__).parent.parent
COPIED = (
    "src",
    "tests",
    "tools",
    "bench",
    "docs",
    "examples",
    "pyproject.toml",
    ".importlinter",
    "Makefile",
    "README.md",
)
WANTED = (("action", "file:touch-it"), ("driver", "object-bucket"), ("capability", "budgets"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree with one addition of each sort."""
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        source = ROOT / name
        ignored = shutil.ignore_patterns("static")
        shutil.copytree(source, folder / name, ignore=ignored) if source.is_dir() else shutil.copy(source, folder)
    made = [path for what, name in WANTED for path in scaffold.main(what, name, folder)]
    return folder, made


def run(folder: Path, *argv: object) -> None:
    """Run in the copy, with its sources before the installed ones."""
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'src'}:{folder}"}
    done = subprocess.run(
        [str(one) for one in argv], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_linter_has_nothing_to_say(copy):
    folder, made = copy
    python = [path for path in made if path.suffix == ".py"]
    bin_folder = Path(sys.executable).parent
    run(folder, bin_folder / "ruff", "check", *python)
    run(folder, bin_folder / "ruff", "format", "--check", *python)


def test_the_generated_tests_and_the_house_s_rules_pass(copy):
    folder, made = copy
    tests = [path for path in made if path.name.startswith("test_")]
    assert len(tests) == len(WANTED)
    rules = ["house_keeps", "imports_go_down", "every_route", *(path.stem for path in tests)]
    argv = ["-p", "no:xdist", "-p", "no:cacheprovider", "-k", f"({' or '.join(rules)}) and not postgres"]
    run(folder, sys.executable, "-m", "pytest", *argv, *tests, "tests/test_architecture.py")


@pytest.mark.parametrize(("what", "name"), [("action", "Touch"), ("driver", "A b"), ("capability", "2x")])
def test_a_bad_name_is_refused_with_an_example(what, name, tmp_path):
    with pytest.raises(SystemExit, match="such as"):
        scaffold.main(what, name, tmp_path)
    assert list(tmp_path.iterdir()) == []

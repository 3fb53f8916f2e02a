"""The house as tests: floors by import-linter, rooms and house rules here. Each rule is shown to catch a planted violation."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from tools import docs

from towpath import capabilities
from towpath.kit import actor as actors
from towpath.kit import db, migrate, settings
from towpath.kit.web import Permit
from towpath.sdk import plugins

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "towpath"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if "migrations/" not in str(path)]
ROOMS = ("spec", "model", "queries", "service", "api", "pages", "cli", "tools", "actions", "jobs", "plug")
SQL_ROOMS = ("model", "queries")
ASYNC = {
    "kit/live.py", "runs/api.py", "runs/pages.py", "repositories/http.py", "identity/middleware.py", "ui/service.py", "app.py",
    "serving.py", "runtimes/api.py", "golden_paths/api.py", "golden_paths/task_events.py",
}  # fmt: skip
Rule = type(lambda: None)


def room_of(path: str) -> str:
    """The room of a module below its capability: `service` for `catalog/service.py` and `x/service/parts.py`."""
    parts = Path(path).with_suffix("").parts
    return parts[1] if len(parts) > 1 else parts[0]


def imports(tree: ast.AST) -> list[str]:
    """Every module that a module imports, with names of `from` imports appended."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{one.name}" for one in node.names]
    return found


def sql_outside(path: str, source: str) -> list[str]:
    """`sqlalchemy` is imported in kit, model and queries only; everyone else types `kit.db.Session`."""
    if path.startswith("kit/") or room_of(path) in SQL_ROOMS:
        return []
    names = [name for name in imports(ast.parse(source)) if name.split(".")[0] == "sqlalchemy"]
    return [name for name in names if name not in ("sqlalchemy.orm.Session", "sqlalchemy.engine.make_url")]


def commits_outside(path: str, source: str) -> list[str]:
    """Only kit/db.py commits."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = [one.func.attr for one in calls if isinstance(one.func, ast.Attribute)]
    return [name for name in names if name == "commit" and path not in ("kit/db.py", "kit/migrate.py")]


def too_long(path: str, source: str) -> list[str]:
    """A module has at most 400 lines."""
    return [f"{path}: {len(source.splitlines())} lines"] if len(source.splitlines()) > 400 else []


def two_coloured(path: str, source: str) -> list[str]:
    """`async def` stands in streams and entrances only."""
    found = [one.name for one in ast.walk(ast.parse(source)) if isinstance(one, ast.AsyncFunctionDef)]
    return [] if path in ASYNC else found


def doors_meet(path: str, source: str) -> list[str]:
    """A door calls services: it never imports another capability's doors or queries."""
    if room_of(path) not in ("api", "pages", "actions", "service") or path.count("/") == 0:
        return []
    own = path.split("/", maxsplit=1)[0]
    found = []
    for name in imports(ast.parse(source)):
        parts = name.split(".")
        if parts[0] == "towpath" and len(parts) > 2 and parts[1] not in ("kit", "sdk", "ui", own):
            found += [name] if parts[2] in ("api", "pages", "actions", "jobs", "plug", "queries") else []
    return found


def http_in_services(path: str, source: str) -> list[str]:
    """Services know no HTTP and no HTML."""
    if room_of(path) != "service" or path.startswith("ui/"):
        return []
    return [name for name in imports(ast.parse(source)) if name.split(".")[0] in ("fastapi", "starlette", "jinja2")]


def undocumented(path: str, source: str) -> list[str]:
    """Every public function and class of a service, of sdk and of kit has a docstring."""
    if not (path.startswith(("sdk/", "kit/")) or room_of(path) == "service") or path.startswith("kit/jail/inside"):
        return []
    nodes = [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef | ast.ClassDef)]
    return [one.name for one in nodes if not one.name.startswith("_") and not ast.get_docstring(one)]


def badly_named(path: str, source: str) -> list[str]:
    """No Manager, Helper, utils."""
    classes = [one.name for one in ast.walk(ast.parse(source)) if isinstance(one, ast.ClassDef)]
    names = [name for name in classes if re.search(r"(Manager|Helper|Util)s?$", name)]
    return names + [path for word in ("utils", "helpers", "common", "misc") if word == Path(path).stem]


PLANTED = {
    sql_outside: ("catalog/service.py", "from sqlalchemy import select"),
    commits_outside: ("catalog/service.py", "def f(session):\n    session.commit()"),
    too_long: ("catalog/service.py", "x = 1\n" * 401),
    two_coloured: ("catalog/service.py", "async def f(): ..."),
    doors_meet: ("catalog/service.py", "from towpath.runs import queries"),
    http_in_services: ("catalog/service.py", "from fastapi import Request"),
    undocumented: ("catalog/service.py", "def public(): ..."),
    badly_named: ("catalog/service.py", "class ThingManager: ..."),
}


@pytest.mark.parametrize("rule", PLANTED, ids=lambda rule: rule.__name__)
def test_the_rule_catches_a_planted_violation(rule):
    path, source = PLANTED[rule]
    assert rule(path, source)


@pytest.mark.parametrize("rule", PLANTED, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule):
    broken = {}
    for path in MODULES:
        name = path.relative_to(PACKAGE).as_posix()
        if found := rule(name, path.read_text()):
            broken[name] = found
    assert not broken, rule.__doc__


def test_imports_go_down_the_floors():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_floors_catch_a_planted_violation(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "house" / name).mkdir(parents=True)
        (tmp_path / "house" / name / "__init__.py").write_text("import house.a\n" if name == "b" else "")
    (tmp_path / "house" / "__init__.py").write_text("")
    contract = "[importlinter]\nroot_package = house\n[importlinter:contract:f]\nname = f\ntype = layers\n"
    (tmp_path / ".importlinter").write_text(f"{contract}containers = house\nlayers =\n    a\n    b\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode != 0


def test_every_route_has_its_permission():
    missing = []
    for router in plugins.collect(plugins.call().routers()):
        for route in router.routes:
            if isinstance(route, APIRoute):
                permits = [one.dependency for one in route.dependencies if isinstance(one.dependency, Permit)]
                if len(permits) != 1:
                    missing.append(route.path)
                elif permits[0].permission is not None:
                    assert permits[0].permission in actors.PERMISSIONS, route.path
    assert not missing


def test_every_act_names_a_declared_permission():
    unknown = []
    for path in PACKAGE.glob("*/service*"):
        files = [path] if path.is_file() else path.rglob("*.py")
        for file in files:
            unknown += [
                name for name in re.findall(r'@audited\("([^"]+)"', file.read_text()) if name not in actors.PERMISSIONS
            ]
    assert not unknown


def test_no_template_trusts_text():
    guilty = [str(path) for path in PACKAGE.rglob("*.html") if re.search(r"\|\s*safe\b", path.read_text())]
    assert not guilty


def test_no_test_patches_the_code_it_tests():
    guilty = [
        path.name for path in (ROOT / "tests").rglob("*.py") if re.search(r"mock\.patch|MagicMock\(", path.read_text())
    ]
    assert [name for name in guilty if name != "test_architecture.py"] == []


def test_no_registry_and_no_path_of_a_machine_is_named():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    texts = [ROOT / name for name in done.stdout.splitlines() if not name.endswith((".png", ".json"))]
    words = ("files." + "pythonhosted", "registry." + "npmjs", "/ho" + "me/", "/ro" + "ot/")
    guilty = [
        str(path) for path in texts if path.exists() and any(word in path.read_text(errors="ignore") for word in words)
    ]
    assert not guilty


@pytest.mark.parametrize("page", docs.PAGES, ids=lambda page: page.__name__)
def test_the_reference_is_what_the_code_says(page):
    path = ROOT / "docs" / "reference" / f"{page.__name__.replace('_', '-')}.md"
    assert path.read_text() == page(), "run: make docs"


@pytest.mark.parametrize("tree", ["control", "organisation"])
def test_migrations_lead_to_the_models(tree, tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    settings.use(settings.Settings(home=tmp_path))
    capabilities.load_models()
    ref = db.DatabaseRef("control" if tree == "control" else "x", f"sqlite:///{tmp_path}/x.db")
    migrate.upgrade(ref)
    with db.engine(ref).connect() as connection:
        changes = compare_metadata(MigrationContext.configure(connection), migrate.TREES[tree])
    db.dispose()
    assert not changes, "run: make migration TREE=… WORDS=…"

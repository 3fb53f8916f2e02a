"""Writes what a newcomer adds, with a test that passes as written: an action, a driver, a capability.

`python -m tools.scaffold action file:touch`, `driver bucket`, `capability budgets` (`make new-action NAME=…` and so on).
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tools import scaffold_texts as texts

ROOT = Path(__file__).parent.parent
NAMES = {
    "action": (r"[a-z][a-z-]*(:[a-z][a-z-]*)+", "an id such as 'file:touch'"),
    "driver": (r"[a-z][a-z0-9-]*", "a resource type such as 'bucket'"),
    "capability": (r"[a-z][a-z_]*", "a plural noun such as 'budgets'"),
}
Line = Callable[[str], str]


def main(what: str, name: str, root: Path = ROOT) -> list[Path]:
    """Write the files of one addition below `root`, and enter it where it is registered; returns what it touched."""
    pattern, expected = NAMES[what]
    if not re.fullmatch(pattern, name):
        raise SystemExit(f"'{name}' is no name for an {what}: give {expected}, for example make new-{what} NAME=…")
    module = re.sub(r"[:-]", "_", name)
    words = {"id": name, "module": module, "title": module.replace("_", " ").capitalize()}
    made = {Path(path.format(**words)): text for path, text in texts.FILES[what].items()}
    if taken := [str(path) for path in made if (root / path).exists()]:
        raise SystemExit(f"{', '.join(taken)} is there already")
    for path, text in made.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(re.sub(r"<(id|module|title)>", lambda found: words[found[1]], text))
    for path, change in REGISTERED[what].items():
        (root / path).write_text(change(module)((root / path).read_text()))
    touched = [root / path for path in (*made, *map(Path, REGISTERED[what]))]
    _tidy([path for path in touched if path.suffix == ".py"])
    return touched


def _replaced(pattern: str, new: str) -> Line:
    def change(text: str) -> str:
        changed, count = re.subn(pattern, new, text, count=1, flags=re.MULTILINE | re.DOTALL)
        if not count:
            raise SystemExit("the place to register it was not found; add the line by hand")
        return changed

    return change


def _both(*changes: Line) -> Line:
    def change(text: str) -> str:
        for one in changes:
            text = one(text)
        return text

    return change


REGISTERED: dict[str, dict[str, Callable[[str], Line]]] = {
    "action": {
        "src/towpath/golden_paths/plug.py": lambda module: _both(
            _replaced(r"(from towpath\.golden_paths\.actions import \(\n)", rf"\1    {module},\n"),
            _replaced(r"(def template_actions.*?\n)(    \])", rf"\1        {module}.ACTION,\n\2"),
        )
    },
    "driver": {
        "src/towpath/orchestrator/plug.py": lambda module: _both(
            _replaced(r"(from towpath\.orchestrator\.drivers import )", rf"\1{module}, "),
            _replaced(r"(def resource_drivers.*?return \[.*?)(,?\s*\]\n)", rf"\1, {module}.DRIVER\2"),
        )
    },
    "capability": {
        "src/towpath/capabilities.py": lambda module: _replaced(r'(    "golden_paths",\n)', rf'\1    "{module}",\n'),
        ".importlinter": lambda module: _replaced(r"^(    deployments \|.*?)$", rf"\1 | {module}"),
        "docs/guides/architecture.md": lambda module: _replaced(r"^(\| use \|.*?) \|$", rf"\1 `{module}` |"),
    },
}
"""Files that name every addition of a sort, and the change that enters one more."""


def _tidy(paths: list[Path]) -> None:
    ruff = str(Path(sys.executable).parent / "ruff")
    subprocess.run([ruff, "check", "--quiet", "--select", "I", "--fix", *paths], check=True)
    subprocess.run([ruff, "format", "--quiet", *paths], check=True)


if __name__ == "__main__":
    for written in main(*sys.argv[1:3]):
        print(written.relative_to(ROOT))

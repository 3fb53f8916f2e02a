"""A clone as a person keeps it: plain git, the clone address that a page shows, an API token as the password."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from towpath.repositories import git


def push(address: str, token: str, folder: Path, change: Callable[[Path], None]) -> str:
    """Clone into `folder` when it is empty, change, commit and push as anybody would; returns the commit."""
    if not (folder / ".git").exists():
        run(folder, "clone", "-q", address.replace("://", f"://ada:{token}@", 1), ".")
    change(folder)
    run(folder, "add", "-A")
    run(folder, "-c", "user.name=Ada", "-c", "user.email=ada@northbank.example", "commit", "-qm", "Change")
    run(folder, "push", "-q", "origin", "HEAD")
    return run(folder, "rev-parse", "HEAD")


def greet(words: str) -> Callable[[Path], None]:
    """A change after which the service says other words than `Hello from`; its tests stay green."""

    def change(folder: Path) -> None:
        app = next(folder.glob("src/*/app.py"))
        app.write_text(app.read_text().replace("Hello from", words))

    return change


def break_start(folder: Path) -> None:
    """A change that passes every test and ends the process when it starts."""
    main, line = next(folder.glob("src/*/__main__.py")), "    logs.configure()\n"
    main.write_text(main.read_text().replace(line, f'{line}    raise SystemExit("broken")\n'))


def run(folder: Path, *words: str) -> str:
    """Run git in a clone, without anybody's settings; returns what it printed."""
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env=git.environment())
    return done.stdout.decode().strip()

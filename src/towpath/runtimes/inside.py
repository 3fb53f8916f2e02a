"""Run as a script inside the jail by the release's own Python: put variables and secrets in place, become the program.

`python -I -S start.py INSTANCE.json`. Secrets come from the sealed file only, so they stand neither in an argument list
nor in a configuration; `-X service=…` puts the service's name on the command line. Imports the standard library only.
"""

import json
import os
import sys
from pathlib import Path


def command_line(command: list[str], bin_folder: Path, name: str) -> list[str]:
    """The program as an argument list: Python and its console scripts from the release, anything else as it is."""
    first, rest = command[0], command[1:]
    python = [str(bin_folder / "python"), "-X", f"service={name}"]
    if first in ("python", "python3"):
        return [*python, *rest]
    script = bin_folder / first
    if "/" not in first and script.is_file():
        return [*python, str(script), *rest]
    return [first, *rest]


def main(path: str) -> None:
    """Read the instance file and its secrets, then exec."""
    instance = json.loads(Path(path).read_text())
    bin_folder = Path(sys.executable).parent
    env = {
        "HOME": "/tmp",  # noqa: S108 (the jail's own)
        "LANG": "C.UTF-8",
        "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOST": "127.0.0.1",
        "PORT": str(instance["port"]),
        "TOWPATH_SECRETS_FILE": instance["secrets"],
        **instance["variables"],
    }
    env |= json.loads(Path(instance["secrets"]).read_text())
    port = env["PORT"]
    command = [part.replace("${PORT}", port).replace("$PORT", port) for part in instance["command"]]
    command = command_line(command, bin_folder, instance["name"])
    os.chdir(instance["directory"])
    os.execvpe(command[0], command, env)  # noqa: S606 (an argument list, no shell)


if __name__ == "__main__":
    main(sys.argv[1])

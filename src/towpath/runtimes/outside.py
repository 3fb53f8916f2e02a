"""Run as a script by supervisord, outside the jail: log to a file, write down the pid, become the jail.

`python -I -S outside.py LOG PIDFILE COMMAND.json`. A file instead of supervisord's pipe, because a service must go on when
supervisord is killed; the pid file is how such an orphan is found. The command stands in a file too: its words are a
tenant's, and a line of theirs in supervisord's own file could be a program of theirs, outside of the jail. Imports the
standard library only.
"""

import json
import os
import sys
from pathlib import Path


def start_ticks() -> str:
    """Start of this process in clock ticks after boot; exec keeps it, as it keeps the pid."""
    return Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]


if __name__ == "__main__":
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    Path(sys.argv[2]).write_text(f"{os.getpid()} {start_ticks()}")
    command = json.loads(Path(sys.argv[3]).read_text())
    os.execv(command[0], command)  # noqa: S606 (an argument list, no shell)

"""Run as a script by supervisord, outside the jail: log to a file, write down the pid, become the jail.

`python -I -S outside.py LOG PIDFILE PROGRAM ARGUMENT…`. A file instead of supervisord's pipe, because a service must go
on when supervisord is killed; the pid file is how such an orphan is found. Imports the standard library only.
"""

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
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 (an argument list, no shell)

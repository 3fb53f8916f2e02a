"""Run as a script by root: become Ada, uid 1000, who works on a copy of the checkout; then the program.

`python as_ada.py COPY HOME {allowed|denied} PROGRAM ARGUMENT…`. In a mount namespace the copy takes the checkout's place, so
that the editable install and every first line mean the copy; the interpreter is shown where it is, through folders that
are closed to others. `denied` stands for a host without user namespaces: the kernel's own limit for them is zero.
"""

import os
import pwd
import sys
from pathlib import Path

from towpath.kit.jail.inside import NEWNS, NEWUSER, NOSUID, PRIVATE, REC, check, libc, mount, write

ADA = 1000
ROOT = Path(__file__).parents[2]
NAMED = ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL")
BIND = 4096


def closed(path: Path) -> Path | None:
    """The uppermost folder above a path that others may not pass."""
    return next((one for one in reversed(path.parents) if not one.stat().st_mode & 0o001), None)


def show(copy: Path) -> None:
    """Put copy, environment and interpreter in their places; nothing of it is seen outside."""
    check(libc.unshare(NEWNS), "unshare")
    mount("none", "/", None, REC | PRIVATE)
    shown = {ROOT: copy, ROOT / ".venv": ROOT / ".venv", Path(sys.base_prefix): Path(sys.base_prefix)}
    held = {target: os.open(source, os.O_PATH) for target, source in shown.items()}
    for folder in {one for one in map(closed, shown) if one}:
        mount("tmpfs", str(folder), "tmpfs", NOSUID, "mode=0755")
    for target, descriptor in held.items():
        target.mkdir(parents=True, exist_ok=True)
        mount(f"/proc/self/fd/{descriptor}", str(target), None, BIND | REC)


def name_ada(home: Path) -> None:
    """Give uid 1000 an account where the host has none: PostgreSQL asks for its name."""
    try:
        pwd.getpwuid(ADA)
    except KeyError:
        accounts = home / "passwd"
        accounts.write_text(Path("/etc/passwd").read_text() + f"ada:x:{ADA}:{ADA}::{home}:/bin/sh\n")
        mount(str(accounts), "/etc/passwd", None, BIND)


def deny() -> None:
    """Be in a user namespace, with the host's own uids, that lets nobody make another."""
    mine, (there, here) = os.getpid(), os.pipe()
    helper = os.fork()
    if not helper:
        os.read(there, 1)
        for kind in ("uid", "gid"):
            write(f"/proc/{mine}/{kind}_map", "0 0 65536")
        os._exit(0)
    check(libc.unshare(NEWUSER), "unshare")
    os.write(here, b".")
    os.waitpid(helper, 0)
    write("/proc/sys/user/max_user_namespaces", "0")


if __name__ == "__main__":
    place, home, spaces, program = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:]
    show(place)
    name_ada(home)
    if spaces == "denied":
        deny()
    os.setgroups([])
    os.setresgid(ADA, ADA, ADA)
    os.setresuid(ADA, ADA, ADA)
    os.chdir(ROOT)
    named = {key: value for key, value in os.environ.items() if key in NAMED}
    # Ada cannot write into the environment: what she compiles lies in her home.
    os.execve(program[0], program, {**named, "HOME": str(home), "PYTHONPYCACHEPREFIX": str(home / "compiled")})

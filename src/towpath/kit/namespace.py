"""Run as a script by root: enter a mount namespace of one's own, become another uid for good, exec a program.

`python -I -S namespace.py '{"uid": 64123, "root": "/run/x", "binds": {"/0700/data": "/run/x/data"}}' PROGRAM ARGUMENT…`
A tmpfs is laid over `root`, the binds are made below it (or over existing files), nothing of it is seen outside.
The pid stays the same, so signals reach the program. Imports the standard library only.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x1000, 0x4000, 0x40000, 0x2, 0x4
PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def _check(answer: int, what: str) -> None:
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), data.encode() if data else None), f"mount {target}")


def enter(uid: int, root: str, binds: dict[str, str]) -> None:
    """Leave the host's mounts, show `binds`, and become `uid`; raises OSError where the host does not allow it."""
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    held = {target: os.open(source, os.O_PATH) for source, target in binds.items()}
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m")
    for target, descriptor in held.items():
        place = Path(target)
        if place.is_relative_to(root):
            if Path(f"/proc/self/fd/{descriptor}").is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
        _mount(f"/proc/self/fd/{descriptor}", target, None, MS_BIND)
        os.close(descriptor)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    enter(wanted["uid"], wanted["root"], wanted["binds"])
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 (an argument list, no shell)

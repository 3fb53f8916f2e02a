"""Run as a script: become the jail, then the program. `python -I -S inside.py SPEC.json ARGUMENT…`.

A new root of tmpfs gets the given binds; then other uid, no groups, no capabilities, no-new-privileges, limits, exec. As
root the pid stays the same from start to program, so signals and supervisors meet the program itself. In a user namespace,
and for a command that is run to its end (`alone`), the program is process 1 of its own pid namespace: it sees no other
process, nothing outlives it, and this process forwards signals. Imports the standard library only.
"""

import ctypes
import json
import os
import resource
import signal
import stat
import sys
from typing import Any

NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH = 2
PR_PDEATHSIG, PR_DUMPABLE, PR_CAPBSET_DROP, PR_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 24, 38, 47
PIVOT_ROOT, CAPSET = {"x86_64": (155, 126), "aarch64": (41, 91)}.get(os.uname().machine, (155, 126))
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
libc = ctypes.CDLL(None, use_errno=True)


def check(answer: int, what: str) -> None:
    """Raise OSError with the kernel's reason."""
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    values = [None if one is None else os.fsencode(one) for one in (source, target, kind)]
    check(libc.mount(*values, ctypes.c_ulong(flags), data.encode() if data else None), f"mount {target}")


def unshare(kind: str, network: bool, alone: bool) -> None:
    """Leave the host's namespaces; in a user namespace keep our own uid."""
    uid, gid = os.getuid(), os.getgid()
    flags = NEWNS | NEWIPC | (0 if network else NEWNET) | (NEWPID if alone else 0)
    flags |= NEWUSER if kind == "userns" else 0
    check(libc.unshare(flags), "unshare")
    if kind == "userns":
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{uid} {uid} 1")
        write("/proc/self/gid_map", f"{gid} {gid} 1")
    mount("none", "/", None, REC | PRIVATE)


def write(path: str, text: str) -> None:
    """Write a small file."""
    with open(path, "w") as handle:
        handle.write(text)


def show(source: str, target: str, writable: bool) -> None:
    """Bind a host path below the new root, read-only unless writable; the source may lie anywhere."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            write(target, "")
    mount(source, target, None, BIND | REC)
    if not writable:
        flags = os.statvfs(target).f_flag & (NOSUID | NODEV | 8 | 1024 | 2048 | 4096)
        kept = (flags & (NOSUID | NODEV | 8)) | (1024 if flags & 1024 else 0) | (2048 if flags & 2048 else 0)
        mount(None, target, None, BIND | REMOUNT | RDONLY | NOSUID | kept)


def build(spec: dict[str, Any]) -> None:
    """Make the new root in memory and step into it; the old one is gone afterwards."""
    root = spec["root"]
    mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "mode=0755,size=64m")
    for path in spec["system"]:
        inside = root + path
        if os.path.islink(path):
            os.symlink(os.readlink(path), inside)
        elif os.path.isdir(path):
            show(path, inside, False)
    os.makedirs(f"{root}/etc", exist_ok=True)
    for name in spec["etc"]:
        if os.path.exists(f"/etc/{name}"):
            show(os.path.realpath(f"/etc/{name}"), f"{root}/etc/{name}", False)
    uid = spec["uid"]
    write(f"{root}/etc/passwd", f"root:x:0:0::/:/bin/false\ncell:x:{uid}:{uid}::/tmp:/bin/sh\n")
    write(f"{root}/etc/group", f"root:x:0:\ncell:x:{uid}:\n")
    os.makedirs(f"{root}/dev")
    for name in DEVICES:
        show(f"/dev/{name}", f"{root}/dev/{name}", True)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, f"{root}/dev/{name}")
    os.makedirs(f"{root}/dev/shm")
    os.chmod(f"{root}/dev/shm", 0o1777)
    for place, size in (("tmp", "1g"),):
        os.makedirs(f"{root}/{place}")
        mount("tmpfs", f"{root}/{place}", "tmpfs", NOSUID | NODEV, f"mode=1777,size={size}")
    os.makedirs(f"{root}/proc")
    hide = "" if spec["kind"] == "userns" else "hidepid=2"
    mount("proc", f"{root}/proc", "proc", NOSUID | NODEV, hide or None)
    for source, target, writable in spec["binds"]:
        show(source, root + target, writable)
    os.makedirs(f"{root}/.old")
    check(libc.syscall(PIVOT_ROOT, os.fsencode(root), os.fsencode(f"{root}/.old")), "pivot_root")
    os.chdir("/")
    check(libc.umount2(b"/.old", DETACH), "umount")
    os.rmdir("/.old")
    mount(None, "/", None, REMOUNT | RDONLY | NOSUID | NODEV)


def drop(uid: int, kind: str) -> None:
    """Give every privilege up, for good."""
    check(libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0), "ambient")
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if kind == "root":
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    check(libc.syscall(CAPSET, header, (ctypes.c_uint32 * 6)()), "capset")
    check(libc.prctl(PR_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def limit(spec: dict[str, Any]) -> None:
    """Set hard limits; one above what we have ourselves is lowered to it."""
    names = {
        "memory": resource.RLIMIT_DATA,
        "cpu": resource.RLIMIT_CPU,
        "file": resource.RLIMIT_FSIZE,
        "processes": resource.RLIMIT_NPROC,
    }
    for name, value in spec["limits"].items():
        hard = resource.getrlimit(names[name])[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(names[name], (allowed, allowed))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def follow(child: int) -> None:
    """Forward signals to the program and end as it ended."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda received, _: os.kill(child, received))
    while True:
        try:
            _, status = os.waitpid(child, 0)
            break
        except InterruptedError:
            continue
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def enter(spec: dict[str, Any]) -> None:
    """Everything up to exec."""
    kind = spec["kind"]
    if kind != "none":
        alone = spec["alone"] or kind == "userns"
        unshare(kind, spec["network"], alone)
        if alone and (child := os.fork()):
            follow(child)
        build(spec)
        drop(spec["uid"], kind)
        if alone:
            libc.prctl(PR_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a change of uid would have undone it
    else:
        check(libc.prctl(PR_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    limit(spec)
    os.umask(0o077)
    os.chdir(spec["cwd"])


def probe(kind: str) -> None:
    """Try the namespaces and a mount; used by the doctor."""
    unshare(kind, True, kind == "userns")
    if kind == "userns" and os.fork():
        os._exit(os.waitstatus_to_exitcode(os.wait()[1]) & 0xFF)
    mount("tmpfs", "/mnt", "tmpfs", NOSUID)
    os.mkdir("/mnt/proc")
    mount("proc", "/mnt/proc", "proc", NOSUID)
    os._exit(0)


def main() -> None:
    """Read the spec, close what was inherited, enter, exec."""
    if sys.argv[1] == "--probe":
        probe(sys.argv[2])
    path, arguments = sys.argv[1], sys.argv[2:]
    with open(path) as handle:
        spec = json.load(handle)
    if spec["once"]:
        os.unlink(path)
    if not stat.S_ISREG(os.stat(sys.executable).st_mode):
        raise OSError("no interpreter")
    enter(spec)
    environment = dict(spec["environment"])
    for sealed in spec["sealed"]:
        with open(sealed) as handle:
            environment.update(json.load(handle))
    try:
        os.execvpe(arguments[0], arguments, environment)
    except OSError as error:
        sys.stderr.write(f"{arguments[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    main()

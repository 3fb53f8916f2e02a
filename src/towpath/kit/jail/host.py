"""What this host allows: another uid with a mount namespace, a user namespace, or nothing."""

import functools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

INSIDE = Path(__file__).with_name("inside.py")
MEND = (
    "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
    "kernel.apparmor_restrict_unprivileged_userns) or start Towpath as root"
)


@dataclass(frozen=True)
class Host:
    """`kind` is root, userns or none; `reasons` say what is degraded and why."""

    kind: str
    reasons: tuple[str, ...] = ()


@functools.cache
def probe() -> Host:
    """Try it, once per process. `TOWPATH_JAIL` names a weaker kind for tests."""
    wanted = os.environ.get("TOWPATH_JAIL", "")
    reasons: list[str] = []
    for kind in ("root", "userns"):
        if (kind == "root" and os.getuid() != 0) or wanted not in ("", kind):
            continue
        refusal = _try(kind)
        if refusal is None:
            return Host(kind, (*reasons, "loopback ports of other services stay reachable"))
        reasons.append(f"{kind}: {refusal}")
    return Host("none", (*reasons, "foreign code runs as the portal's own user"))


def _try(kind: str) -> str | None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", INSIDE, "--probe", kind], capture_output=True, text=True, timeout=10, check=False
    )
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["refused"])[-1]

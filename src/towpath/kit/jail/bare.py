"""Where the host allows no view of its own, the paths inside a cell are written as the host's, so that work still goes on.

Nothing is isolated then: the platform allows one organisation, says so on every page, and production does not start.
"""

import contextlib
import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from towpath.kit import settings
from towpath.kit.jail.cell import Cell

TOOLS = "/towpath/bin"


def as_host(
    cell: Cell, argv: Sequence[str], environment: Mapping[str, str], sealed: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment with every path of the cell replaced by what it stands for on the host.

    `sealed` maps the inside paths of sealed files to their own; a private folder takes the place of HOME and TMPDIR.
    """
    names = {**_places(cell), **sealed}
    # The longest match wins, so a host path that happens to begin like one of the cell stays as it is.
    ours = (sys.prefix, sys.base_prefix, str(settings.current().data), str(Path(__file__).parents[3]))
    names |= {path: path for path in (*ours, *names.values())}
    words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w.~/-])({words})(?![\w.-])")

    def replaced(text: str) -> str:
        return pattern.sub(lambda found: names[found[1]], text)

    private = str(settings.current().folder("bare", "tmp"))
    home = {key: private for key in ("HOME", "TMPDIR") if environment.get(key) == "/tmp"}  # noqa: S108 (the cell's name)
    return [replaced(one) for one in argv], {**{key: replaced(one) for key, one in environment.items()}, **home}


def _places(cell: Cell) -> dict[str, str]:
    found = {bind.target: str(bind.source) for bind in cell.binds}
    tools = settings.current().folder("bare", "bin")
    for target in [one for one in found if one.startswith(f"{TOOLS}/")]:
        _link(tools / Path(target).name, found[target])
    if cell.work is not None:
        found["/work"] = str(cell.work)
    return {TOOLS: str(tools), **found}


def _link(path: Path, source: str) -> None:
    with contextlib.suppress(OSError):
        if path.readlink() == Path(source):
            return
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(source)
    beside.replace(path)

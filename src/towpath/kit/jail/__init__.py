"""The one launcher of code that is not ours: another user, a view of the machine with only what was given, no privileges."""

from towpath.kit.jail.cell import Bind, Cell, environment_passthrough, interpreter, prepare, seal
from towpath.kit.jail.host import MEND, Host, probe
from towpath.kit.jail.launch import Finished, command, end_left, popen, run

__all__ = [
    "MEND", "Bind", "Cell", "Finished", "Host", "command", "end_left", "environment_passthrough", "interpreter", "popen",
    "prepare", "probe", "run", "seal",
]  # fmt: skip

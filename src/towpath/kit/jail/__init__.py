"""The one launcher of code that is not ours: another user, a view of the machine with only what was given, no privileges."""

from towpath.kit.jail.cell import Bind, Cell, environment_passthrough, interpreter, prepare, reclaim, seal
from towpath.kit.jail.host import MEND, Host, probe
from towpath.kit.jail.launch import Finished, command, end_left, end_shown, popen, run

__all__ = [
    "MEND", "Bind", "Cell", "Finished", "Host", "command", "end_left", "end_shown", "environment_passthrough", "interpreter",
    "popen", "prepare", "probe", "reclaim", "run", "seal",
]  # fmt: skip

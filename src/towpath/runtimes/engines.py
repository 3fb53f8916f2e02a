"""The engines and the watch of this process."""

import logging

from towpath.kit import engines
from towpath.kit.errors import TowpathError
from towpath.runtimes import replacing
from towpath.runtimes.edge import Edge
from towpath.runtimes.supervisor import Supervisor
from towpath.runtimes.watch import Watch

log = logging.getLogger(__name__)
SUPERVISOR = Supervisor(before_start=replacing.end_orphans)
EDGE = Edge()


def keep_up() -> None:
    """Start an engine again that died under a running portal."""
    for engine in (SUPERVISOR, EDGE):
        if engines.adopt(engine.name) is None:
            try:
                engine.up()
                log.warning("engine %s had ended and was started again", engine.name)
            except TowpathError as error:
                log.warning("engine %s: %s", engine.name, error)


WATCH = Watch(keep_up)

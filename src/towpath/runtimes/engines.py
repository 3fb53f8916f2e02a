"""The engines and the watch of this process."""

from towpath.runtimes import replacing
from towpath.runtimes.edge import Edge
from towpath.runtimes.supervisor import Supervisor
from towpath.runtimes.watch import Watch

SUPERVISOR = Supervisor(before_start=replacing.end_orphans)
EDGE = Edge()
WATCH = Watch()

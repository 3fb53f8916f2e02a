"""Use cases of the orchestrator: plan, explain, apply, destroy, look."""

from towpath.orchestrator.service.applying import apply
from towpath.orchestrator.service.destroying import destroy
from towpath.orchestrator.service.drawing import drawn, graph_of
from towpath.orchestrator.service.planning import drivers, explain, plan, stale
from towpath.orchestrator.service.views import ResourceView, resources
from towpath.orchestrator.stages.plan import as_json, from_json

__all__ = [
    "ResourceView", "apply", "as_json", "destroy", "drawn", "drivers", "explain", "from_json", "graph_of", "plan", "resources",
    "stale",
]  # fmt: skip

"""Use cases of the orchestrator: plan, explain, apply, destroy, look."""

from towpath.orchestrator.service.applying import apply
from towpath.orchestrator.service.destroying import destroy
from towpath.orchestrator.service.planning import drivers, explain, plan, stale
from towpath.orchestrator.service.views import ResourceView, resources
from towpath.orchestrator.stages.plan import as_json, from_json

__all__ = [
    "ResourceView", "apply", "as_json", "destroy", "drivers", "explain", "from_json", "plan", "resources", "stale",
]  # fmt: skip

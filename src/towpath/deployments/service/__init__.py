"""Use cases of deployments. The plan is made when the digest exists, gated in one transaction, applied by its run."""

from towpath.deployments.model import Deployment
from towpath.deployments.service.steps import (
    RETURNING,
    close,
    forget,
    gate,
    given,
    plan,
    score_at,
    settle,
    source,
    verdicts,
)  # fmt: skip
from towpath.deployments.service.views import (
    ACTIVE,
    Cell,
    active,
    ahead,
    applying,
    changes,
    current,
    find,
    get,
    hosts,
    matrix,
)  # fmt: skip
from towpath.deployments.service.wishes import bring_back, ensure, promote, redeploy, rollback

__all__ = [
    "ACTIVE", "RETURNING", "Cell", "Deployment", "active", "ahead", "applying", "bring_back", "changes", "close", "current",
    "ensure", "find", "forget", "gate", "get", "given", "hosts", "matrix", "plan", "promote", "redeploy", "rollback",
    "score_at", "settle", "source", "verdicts",
]  # fmt: skip

"""What other capabilities may see of applied resources: never a secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from towpath.kit.db import Session
from towpath.orchestrator import queries
from towpath.orchestrator.model import ResourceRow


@dataclass(frozen=True)
class ResourceView:
    """An applied resource. `secrets` are the names of its secret outputs, `message` says what failed."""

    uid: str
    type: str
    class_: str
    name: str
    environment: str
    driver: str
    definition: str
    status: str
    message: str
    stateful: bool
    outputs: dict[str, Any]
    state: dict[str, Any]
    secrets: tuple[str, ...]
    run_id: str
    updated_at: datetime


@dataclass(frozen=True)
class Held:
    """What is needed to destroy a resource, read in one session and used after it."""

    uid: str
    type: str
    class_: str
    name: str
    environment: str
    driver: str
    stateful: bool
    params: dict[str, Any]
    state: dict[str, Any]
    depends_on: tuple[str, ...]
    secret_refs: dict[str, Any]


def held(row: ResourceRow) -> Held:
    """The copy of one row that outlives its session."""
    return Held(
        row.uid, row.type, row.class_, row.name, row.environment, row.driver, row.stateful, dict(row.params),
        dict(row.state), tuple(row.depends_on), dict(row.secret_refs),
    )  # fmt: skip


def resources(session: Session, component_uid: str, environment: str | None = None) -> list[ResourceView]:
    """Resources that a component uses, by environment and uid; in one environment when it is named."""
    return [view(row) for row in queries.of_component(session, component_uid, environment)]


def view(row: ResourceRow) -> ResourceView:
    """The view of one row."""
    return ResourceView(
        uid=row.uid, type=row.type, class_=row.class_, name=row.name, environment=row.environment, driver=row.driver,
        definition=row.definition, status=row.status, message=row.message, stateful=row.stateful,
        outputs=dict(row.outputs), state=dict(row.state), secrets=tuple(sorted(row.secret_refs)), run_id=row.run_id,
        updated_at=row.updated_at,
    )  # fmt: skip

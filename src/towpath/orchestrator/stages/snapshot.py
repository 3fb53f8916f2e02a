"""What the stages look at: frozen values read once, so that the same snapshot always gives the same plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.environments.spec import EnvironmentView
from towpath.orchestrator.spec import ResourceDefinitionSpec
from towpath.sdk.types import EntityView, Plan

SERVICE = "service"
"""The resource type of the workload itself."""


@dataclass(frozen=True)
class Definition:
    """A resource definition by name; `location` says where people change it."""

    name: str
    spec: ResourceDefinitionSpec
    location: str = ""


@dataclass(frozen=True)
class Previous:
    """What is known of a resource from the last apply. `params` are those of that plan, placeholders unresolved.

    `others` are the refs of other components that use it, when it is shared; `used` is whether this component does.
    """

    uid: str
    type: str
    driver: str
    definition: str
    params: Mapping[str, Any]
    status: str
    stateful: bool = False
    artifact: str = ""
    others: tuple[str, ...] = ()
    used: bool = True


@dataclass(frozen=True)
class Snapshot:
    """All that a plan depends on besides the workload. `supports` maps a driver to the optional features it has."""

    component: EntityView
    environment: EnvironmentView
    hostname: str
    artifact: str
    definitions: tuple[Definition, ...]
    previous: tuple[Previous, ...] = ()
    supports: Mapping[str, frozenset[str]] = field(default_factory=dict)


def uid_of(snapshot: Snapshot, type_: str, class_: str, name: str, shared_id: str | None = None) -> str:
    """The stable name of a resource: `<type>.<class>#<component uid>.<environment>.<name>`.

    A resource with an `id` belongs to the environment, not to one component, and has `shared` for the component.
    """
    owner, last = ("shared", shared_id) if shared_id else (snapshot.component.uid, name)
    return f"{type_}.{class_}#{owner}.{snapshot.environment.name}.{last}"


def is_shared(uid: str) -> bool:
    """Whether a resource belongs to its environment rather than to one component."""
    return uid.partition("#")[2].startswith("shared.")


def component_uid_of(plan: Plan) -> str:
    """The uid of the component that a plan is for, as its service node carries it."""
    main = next(node for node in plan.nodes if node.type == SERVICE)
    return main.uid.partition("#")[2].removesuffix(f".{plan.environment}.{main.id}")

"""The frozen nouns that cross hooks. Everything here is data; a plugin may rely on it (semver)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel
from sqlalchemy.orm import Session

from towpath.kit.actor import Actor, Role
from towpath.kit.errors import Problem
from towpath.kit.events import Event, Subscriber
from towpath.kit.jobs import WAIT, Act, Cancelled, Context, Fact, Job, Step

__all__ = [
    "Act", "Action", "ActionLink", "Actor", "Cancelled", "Card", "Change", "Context", "Document", "Driver", "DriverContext",
    "Engine",
    "EntityView", "Event", "Fact", "Finding", "Got", "Health", "Job", "KindSpec", "NavItem", "Node", "Permission", "Plan",
    "Problem", "Removal", "Role", "RunView", "Source", "SourceFile", "Step", "StepContext", "StepView", "Subscriber",
    "Tab", "Verdict", "WAIT", "Want",
]  # fmt: skip

StepContext = Context
"""What a template action's `run(takes, ctx)` gets; the same context as any act's."""


# ── the portal ────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class NavItem:
    """One entry of the left navigation, shown to who holds `permission`."""

    label: str
    href: str
    icon: str
    order: int = 50
    section: Literal["main", "platform", "bottom"] = "main"
    permission: str = "catalog.read"


@dataclass(frozen=True)
class Card:
    """A card that loads on its own: `href` answers an HTML fragment with its own empty state.

    A `live` one loads again whenever a run begins, moves or ends.
    """

    id: str
    title: str
    href: str
    order: int = 50
    wide: bool = False
    live: bool = False


@dataclass(frozen=True)
class Tab:
    """A tab of an entity page: `href` answers a fragment that is shown below the tabs; `live` as in Card."""

    id: str
    label: str
    href: str
    order: int = 50
    live: bool = False


@dataclass(frozen=True)
class ActionLink:
    """An entry of an entity's actions menu."""

    label: str
    href: str
    icon: str = "play"
    order: int = 50
    destructive: bool = False


# ── the catalog ───────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class EntityView:
    """An entity as other capabilities see it. `ref` is canonical (`component:default/orders`), `doc` the full entity."""

    uid: str
    ref: str
    kind: str
    namespace: str
    name: str
    title: str
    type: str | None
    owner: str | None
    lifecycle: str | None
    system: str | None
    doc: Mapping[str, Any]
    location: str = ""

    @property
    def annotations(self) -> Mapping[str, str]:
        """`metadata.annotations`, empty when there are none."""
        return self.doc.get("metadata", {}).get("annotations") or {}

    @property
    def path(self) -> str:
        """The page of the entity, as Backstage routes it."""
        return f"/catalog/{self.namespace}/{self.kind.lower()}/{self.name}"


@dataclass(frozen=True)
class Document:
    """A declarative document of one kind with its parsed spec, for the capability that owns the kind."""

    ref: str
    name: str
    title: str
    spec: Any
    metadata: Mapping[str, Any]
    location: str
    doc: Mapping[str, Any]


@dataclass(frozen=True)
class KindSpec:
    """A kind of entity. `supply` says who may bring one: `any` allowed location, or only `granted` ones.

    `model` validates `spec`; `check(spec)` gives what a model cannot say, each problem with its path in `spec`;
    `relations(doc) -> [(type, target ref, reverse type)]`; `plural` and `icon` are for the pages.
    """

    name: str
    api_versions: tuple[str, ...]
    model: type[BaseModel]
    supply: Literal["any", "granted"] = "granted"
    relations: Callable[[Mapping[str, Any]], list[tuple[str, str, str]]] = lambda doc: []
    plural: str = ""
    icon: str = "box"
    description: str = ""
    check: Callable[[Any], Sequence[tuple[tuple[str | int, ...], Problem]]] = lambda spec: ()


@dataclass(frozen=True)
class SourceFile:
    """One file read from a source: `url` names it for people and records."""

    url: str
    data: bytes
    executable: bool = False


class Source(Protocol):
    """Reads documents behind location URLs of one scheme. `session` is the caller's."""

    scheme: str

    def read(self, session: Session, target: str) -> list[SourceFile]:
        """All files a location names (globs expand); raises NotFound or Unavailable."""
        ...


# ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class StepView:
    """One step of a run. `status` is pending, running, succeeded, failed, skipped or cancelled."""

    key: str
    title: str
    status: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True)
class RunView:
    """A run (task, pipeline run, deployment, deletion). `results` maps finished step keys to their JSON results.

    `status`: queued, running, waiting, succeeded, failed, cancelled. `error` has `message`, `hint`, `errors` when failed.
    """

    id: str
    kind: str
    title: str
    subject: str
    status: str
    root_id: str
    parent_id: str | None
    input: Mapping[str, Any]
    results: Mapping[str, Any]
    output: Mapping[str, Any]
    error: Mapping[str, Any] | None
    actor: Actor
    attempt: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    steps: Sequence[StepView] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more happens without a retry."""
        return self.status in ("succeeded", "failed", "cancelled")


# ── golden paths ──────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Action:
    """A template action: `run(takes, ctx) -> gives`; form, API schema, docs and dry run come from the two models."""

    id: str
    description: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    run: Callable[[Any, StepContext], BaseModel]
    supports_dry_run: bool = True


# ── the orchestrator ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Want:
    """A resource that a plan wants: `uid` stable across runs, `params` resolved, `state` what the driver kept last time."""

    uid: str
    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    class_: str = "default"
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Got:
    """What a driver settled: `state` (plain JSON, kept for next time), `outputs` (read by others), `secrets` (outputs
    that are secret, stored as references and never in state)."""

    state: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class DriverContext:
    """What a driver may use: `log(text)`, idempotency `key`, and `given` which the orchestrator filled (engine
    connection, bundle and layer paths, resolved secrets)."""

    log: Callable[[str], None]
    key: str
    organisation: str
    environment: str
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cancelled: Callable[[], bool] = lambda: False


class Driver(Protocol):
    """Brings resources of some types about. Each verb may be repeated; `plan` changes nothing."""

    id: str
    types: tuple[str, ...]

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say in sentences what apply would do; empty when nothing."""
        ...

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Make it so; a second call changes nothing."""
        ...

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """Remove it; a second call finds nothing and succeeds."""
        ...


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource: `action` is create, update, keep, replace or destroy."""

    uid: str
    action: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A resource of the graph, with the refs it depends on and which definition matched, and why."""

    uid: str
    type: str
    class_: str
    id: str
    driver: str
    definition: str
    why: str
    params: Mapping[str, Any]
    depends_on: tuple[str, ...] = ()
    stateful: bool = False


@dataclass(frozen=True)
class Plan:
    """All that apply will do, as data. `digest` binds approvals; `nodes` are in order of provisioning."""

    workload: str
    environment: str
    artifact: str
    nodes: tuple[Node, ...]
    changes: tuple[Change, ...]
    digest: str


@dataclass(frozen=True)
class Finding:
    """One remark of a gate about a plan."""

    rule: str
    message: str
    severity: Literal["info", "warning", "error"] = "warning"


@dataclass(frozen=True)
class Verdict:
    """A gate's answer to a plan: `allow`, `ask` (needs an approval) or `refuse`, with why."""

    gate: str
    answer: Literal["allow", "ask", "refuse"]
    why: str
    findings: tuple[Finding, ...] = ()


# ── engines, permissions, removal ─────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Health:
    """A doctor's answer for one engine: `state` is ok, degraded or missing; `mend` says what to do."""

    engine: str
    state: Literal["ok", "degraded", "missing"]
    detail: str
    mend: str = ""


class Engine(Protocol):
    """A real engine behind an adapter. `up` adopts a running match or starts one; both verbs may be repeated.

    One that survives the portal keeps a record under its name (kit.engines): by it the portal sees that it ended, and
    calls `up` again.
    """

    name: str
    survives_portal: bool

    def doctor(self) -> Health:
        """What is missing, what is degraded, how to mend; changes nothing."""
        ...

    def up(self) -> None:
        """Running when this returns; raises Unavailable with what to do."""
        ...

    def down(self) -> None:
        """Ended when this returns, with all it started."""
        ...


@dataclass(frozen=True)
class Permission:
    """A permission and the least role that holds it."""

    id: str
    role: Role
    description: str


@dataclass(frozen=True)
class Removal:
    """What deleting an entity takes away in one capability: `items` are shown before, `step` does it (repeatable).

    `order` sorts steps: what runs first (services 10, resources 20, secrets 30, artifacts 40, repository 50, entity 90).
    `blocked` says why it cannot go now, and what to do first: with it the whole deletion is refused.
    """

    id: str
    title: str
    items: tuple[str, ...]
    step: Step
    order: int = 50
    blocked: str = ""

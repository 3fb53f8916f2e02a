"""Drivers that remember what they were asked, and the shipped documents in an organisation's catalog."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

import towpath.demo
from towpath.catalog import service as catalog
from towpath.environments.spec import EnvironmentView
from towpath.kit import db
from towpath.kit.errors import Unavailable
from towpath.kit.jobs import Context
from towpath.sdk import plugins
from towpath.sdk.hooks import hook
from towpath.sdk.types import EntityView, Got, SourceFile

PASSWORD = "s3cret-password"


@dataclass
class NullDriver:
    """Keeps what it was asked; `fails` names types whose apply raises, `outputs` what each type gives."""

    id: str
    types: tuple[str, ...]
    outputs: dict
    secrets: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    fails: str = ""

    def plan(self, want, ctx):
        return [] if want.state else ["make it"]

    def apply(self, want, ctx):
        self.calls.append(("apply", want, ctx))
        if self.fails:
            raise Unavailable(self.fails)
        return Got({"made": want.uid}, self.outputs, {} if want.state else self.secrets)

    def destroy(self, want, ctx):
        self.calls.append(("destroy", want, ctx))


class Fakes:
    """The drivers that other capabilities contribute, as Null drivers."""

    def __init__(self):
        database = {"host": "127.0.0.1", "port": 5432, "name": "orders", "database": "orders", "username": "orders"}
        service = {"host": "127.0.0.1", "port": 21001, "url": "http://127.0.0.1:21001", "logical": "orders.development"}
        route = {"host": "orders.development.localhost", "url": "http://orders.development.localhost:7080"}
        self.postgres = NullDriver("postgres", ("postgres",), database, {"password": PASSWORD})
        self.service = NullDriver("service", ("service",), service)
        self.route = NullDriver("route", ("route",), route)

    @hook
    def resource_drivers(self):
        return [self.postgres, self.service, self.route]


@pytest.fixture
def drivers(loaded):
    """Null drivers in place of postgres, service and route."""
    fakes = Fakes()
    manager = plugins._manager[0]
    manager.register(fakes, name="fakes")
    yield fakes
    manager.unregister(name="fakes")


@pytest.fixture
def score():
    """A service with a database, a name and a route."""
    return (Path(__file__).parent / "samples" / "orders.yaml").read_bytes()


@pytest.fixture
def component():
    """A component that is not in the catalog: planning needs no more than its view."""
    return component_named("orders")


def component_named(name):
    return EntityView(
        uid=f"uid-{name}", ref=f"component:default/{name}", kind="Component", namespace="default", name=name, title=name,
        type="service", owner="group:default/payments", lifecycle="production", system=None,
        doc={"metadata": {"name": name, "labels": {"tier": "gold"}}},
    )  # fmt: skip


@pytest.fixture
def development():
    return EnvironmentView("development", "Development", "development", 10, False)


@pytest.fixture
def platform(organisation, administrator):
    """The organisation's database with the shipped environments and definitions."""
    folder = Path(towpath.demo.__path__[0]) / "platform"
    files = [SourceFile(f"file:{path.name}", path.read_bytes()) for path in sorted(folder.glob("*.yaml"))]
    with db.write(organisation) as session:
        catalog.load_granted(session, administrator, "platform", files)
    return organisation


@pytest.fixture
def context(organisation, actor, tmp_path):
    """Make the context of an act: `context("run-1", log=lines.append)`."""

    def make(run_id="run-1", *, log=lambda text: None, cancelled=lambda: False):
        return Context(actor("developer").in_run(run_id), f"{run_id}:apply", tmp_path, organisation, log, cancelled)

    return make

"""What `tools.scaffold` writes: path and text of each file; `<id>`, `<module>` and `<title>` are put in."""

ACTION = '''\
"""`<id>`: write a text into a file of the workspace."""

from pydantic import BaseModel, Field

from towpath.golden_paths import confine
from towpath.sdk.types import Action, StepContext


class Takes(BaseModel):
    """What a step says under `input`."""

    path: str = Field(description="File, relative to the workspace", examples=["README.md"])
    text: str = Field("", description="What to write")


class Gives(BaseModel):
    """What later steps read as `steps['…'].output`."""

    bytes_written: int = Field(description="Size of the text in UTF-8")


def run(takes: Takes, ctx: StepContext) -> Gives:
    """Write the file; raises Invalid for a path that leaves the workspace."""
    target = confine.inside(ctx.workspace, takes.path, "path")
    data = takes.text.encode()
    if not ctx.dry_run:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    ctx.log(f"Wrote {takes.path}")
    return Gives(bytes_written=len(data))


ACTION = Action("<id>", "Write a text into a file", Takes, Gives, run)
'''

ACTION_TEST = '''\
"""`<id>` in a workspace: once for real, once dry, once trying to leave."""

import pytest

from towpath.golden_paths.actions import <module>
from towpath.kit.actor import Actor, Role
from towpath.kit.db import DatabaseRef
from towpath.kit.errors import Invalid
from towpath.sdk.types import StepContext


def context(workspace, *, dry_run=False):
    actor, database = Actor("user:default/ada", "demo", Role.developer), DatabaseRef("demo", "sqlite://")
    return StepContext(actor, "run:step", workspace, database, lambda text: None, lambda: False, dry_run)


def test_it_writes_the_file(tmp_path):
    gave = <module>.run(<module>.Takes(path="docs/a.md", text="é"), context(tmp_path))
    assert (tmp_path / "docs/a.md").read_text() == "é"
    assert gave.bytes_written == len("é".encode())


def test_a_dry_run_changes_nothing(tmp_path):
    <module>.run(<module>.Takes(path="a.md", text="x"), context(tmp_path, dry_run=True))
    assert list(tmp_path.iterdir()) == []


def test_no_path_leaves_the_workspace(tmp_path):
    with pytest.raises(Invalid):
        <module>.run(<module>.Takes(path="../a.md", text="x"), context(tmp_path / "workspace"))
'''

DRIVER = '''\
"""Type `<id>`: what it brings about, in a sentence."""

from towpath.sdk.types import DriverContext, Got, Want


class Named:
    """Gives every `<id>` a name of its own that stays the same."""

    id = "<id>"
    types = ("<id>",)

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say what apply would do, in sentences; nothing when it is done."""
        del ctx
        return [] if want.state.get("name") == _name(want) else [f"make {_name(want)}"]

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Make it so; a second call finds it by its name."""
        ctx.log(f"{_name(want)} is ready")
        return Got(state={"name": _name(want)}, outputs={"name": _name(want)})

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """Remove it; a second call finds nothing and succeeds."""
        ctx.log(f"{_name(want)} is gone")


def _name(want: Want) -> str:
    return str(want.params.get("name") or want.uid)


DRIVER = Named()
'''

DRIVER_TEST = '''\
"""The driver `<id>` keeps the contract of drivers."""

from towpath.orchestrator.drivers import <module>
from towpath.sdk.testing import check_driver
from towpath.sdk.types import Want


def test_it_keeps_its_promises():
    got = check_driver(<module>.DRIVER, Want("<id>.default#x.development.main", "<id>", {"name": "orders"}))
    assert got.outputs == {"name": "orders"}
'''

SERVICE = '''\
"""<title>: what is known about one entity."""

from towpath.catalog import service as catalog
from towpath.kit.db import Session


def of_entity(session: Session, ref: str) -> list[str]:
    """Lines about an entity, in order. Raises NotFound."""
    entity = catalog.get(session, ref)
    return [f"{entity.kind} of {entity.owner or 'nobody'}"]
'''

API = '''\
"""REST of <module>."""

from fastapi import APIRouter

from towpath.kit.web import Reading, permit
from towpath.<module> import service

router = APIRouter(prefix="/api/v1/<module>", tags=["<module>"])


@router.get("", dependencies=[permit("<module>.read")])
def of_entity(unit: Reading, entity: str) -> list[str]:
    """Lines about an entity."""
    return service.of_entity(unit.session, entity)
'''

PLUG = '''\
"""What <module> contribute."""

from collections.abc import Sequence

from fastapi import APIRouter

from towpath.<module> import api
from towpath.kit.actor import Role
from towpath.sdk.hooks import hook
from towpath.sdk.types import Permission


@hook
def permissions() -> Sequence[Permission]:
    """Everyone reads."""
    return [Permission("<module>.read", Role.viewer, "See <module>")]


@hook
def routers() -> Sequence[APIRouter]:
    """Our own API."""
    return [api.router]
'''

CAPABILITY_TEST = '''\
"""<title>: what is told about an entity, and who may ask."""

import pytest

from towpath.catalog import service as catalog
from towpath.kit import db
from towpath.kit.actor import PERMISSIONS, Role
from towpath.kit.errors import NotFound
from towpath.<module> import service
from towpath.sdk.types import SourceFile

GROUP = """\\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, children: []}
"""


def test_an_entity_is_described(organisation, administrator):
    with db.write(organisation) as session:
        catalog.load_granted(session, administrator, "people", [SourceFile("file:a.yaml", GROUP.encode())])
        assert service.of_entity(session, "group:default/payments") == ["Group of nobody"]


def test_an_unknown_entity_is_not_found(organisation):
    with db.read(organisation) as session, pytest.raises(NotFound):
        service.of_entity(session, "group:default/nobody")


def test_every_role_may_read():
    assert PERMISSIONS["<module>.read"] is Role.viewer
'''

FILES = {
    "action": {
        "src/towpath/golden_paths/actions/{module}.py": ACTION,
        "tests/golden_paths/test_{module}.py": ACTION_TEST,
    },
    "driver": {
        "src/towpath/orchestrator/drivers/{module}.py": DRIVER,
        "tests/orchestrator/test_{module}.py": DRIVER_TEST,
    },
    "capability": {
        "src/towpath/{module}/__init__.py": '"""<title>."""\n',
        "src/towpath/{module}/service.py": SERVICE,
        "src/towpath/{module}/api.py": API,
        "src/towpath/{module}/plug.py": PLUG,
        "tests/{module}/test_service.py": CAPABILITY_TEST,
    },
}

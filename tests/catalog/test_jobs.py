"""Deleting an entity: steps from ids, found again after a restart, done only once."""

import pytest

from towpath.catalog import jobs, service
from towpath.kit import db
from towpath.kit.errors import Forbidden, Invalid
from towpath.sdk import plugins
from towpath.sdk.hooks import hook
from towpath.sdk.types import Act, Fact, Removal

REF = "component:default/orders"


class Things:
    """A stranger's plugin that owns an act and a fact of every component until they are done."""

    def __init__(self) -> None:
        self.left = {"bucket", "rows"}
        self.done: list[str] = []

    def _gone(self, name: str) -> dict[str, str]:
        self.left.discard(name)
        self.done.append(name)
        return {"gone": name}

    @hook
    def entity_removals(self, session, entity):
        bucket = Act(
            "b", "B", lambda session, run: "bucket", lambda data, ctx: data, lambda s, r, data, got: self._gone(got)
        )
        rows = Fact("r", "R", lambda session, run: self._gone("rows"))
        all_of = [Removal("rows", "Rows", ("3 rows",), rows, 60), Removal("bucket", "Bucket", ("b",), bucket, 20)]
        return [one for one in all_of if one.id in self.left]


@pytest.fixture
def things():
    manager = plugins._manager[0]
    plugin = Things()
    manager.register(plugin)
    yield plugin
    manager.unregister(plugin)


def wish(database, actor, confirmed="orders"):
    with db.write(database) as session:
        return service.delete(session, actor, REF, confirmed)


def test_steps_run_in_the_order_of_removals_with_the_entity_last(registered, developer, things, walk):
    run = wish(registered, developer)
    assert [one.key for one in jobs.steps(run)] == ["bucket", "rows", "entity"]
    walk(registered, run, jobs.steps(run))
    assert things.done == ["bucket", "rows"]
    with db.read(registered) as session:
        assert service.find(session, REF) is None


def test_a_repeated_run_finds_nothing_left_and_succeeds(registered, developer, things, walk):
    run = wish(registered, developer)
    walk(registered, run, jobs.steps(run)[:1])
    walk(registered, run, jobs.steps(run))
    walk(registered, run, jobs.steps(run))
    assert things.done == ["bucket", "rows"]


def test_another_entity_of_the_same_name_is_left_alone(registered, developer, things, walk, descriptor):
    run = wish(registered, developer)
    with db.write(registered) as session:
        service.remove(session, developer, REF)
    with db.write(registered) as session:
        service.register(session, developer, "url:towpath://orders/blob/main/catalog-info.yaml", files=descriptor())
    walk(registered, run, jobs.steps(run))
    assert things.done == []
    with db.read(registered) as session:
        assert service.get(session, REF).uid != run.input["uid"]


def test_deleting_needs_the_name_and_the_owner(registered, developer, actor, things):
    with pytest.raises(Invalid):
        wish(registered, developer, "order")
    with pytest.raises(Forbidden):
        wish(registered, actor("developer"))

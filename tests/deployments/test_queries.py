"""What runs is what succeeded last, not what was wished last."""

from datetime import timedelta

from towpath.deployments import queries
from towpath.deployments.model import Deployment
from towpath.kit import clock, db


def test_an_older_deployment_that_was_retried_after_a_newer_one_is_current(organisation):
    now = clock.now()
    common = {
        "component_uid": "uid", "component_ref": "component:default/orders", "commit": "c" * 40, "attempt": 1,
        "reason": "publish", "status": "succeeded", "actor": "platform", "created_at": now,
    }  # fmt: skip
    with db.write(organisation) as session:
        for id_, environment, minutes in (("1", "development", 5), ("2", "development", 1), ("3", "staging", 2)):
            ended = now + timedelta(minutes=minutes)
            session.add(Deployment(id=id_, environment=environment, digest=id_, finished_at=ended, **common))
    with db.read(organisation) as session:
        assert sorted(row.id for row in queries.current(session, ["uid"])) == ["1", "3"]
        assert queries.current(session, ["other"]) == []

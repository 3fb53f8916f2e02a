"""What a published bundle starts, in whichever order bundles come."""

from importlib import resources

import pytest

from towpath.artifacts.model import Bundle
from towpath.catalog import service as catalog
from towpath.deployments import service, subscribers
from towpath.kit import clock, db
from towpath.repositories import service as repositories
from towpath.sdk.types import Event, SourceFile

ORDERS = "component:default/orders"
TEXT = b"""apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: orders}
spec: {type: service, lifecycle: production, owner: group:default/payments}
"""


@pytest.fixture
def repository(organisation, administrator, developer):
    """The uid of the repository that holds the component `orders`."""
    folder = resources.files("towpath.demo") / "platform"
    files = [SourceFile(f"file:{one.name}", one.read_bytes()) for one in folder.iterdir() if one.name.endswith("yaml")]
    uid = repositories.make(organisation, developer, "orders").uid
    address = "url:towpath://orders/blob/main/catalog-info.yaml"
    with db.write(organisation) as session:
        catalog.load_granted(session, administrator, "platform", files)
        catalog.register(session, developer, address, files=[SourceFile(address[4:], TEXT)])
        repositories.link(session, uid, ORDERS)
    return uid


def publish(session, repository, run, branch="main"):
    """The bundle of a pipeline, and the event that tells of it."""
    digest, commit = "sha256:" + run * 64, run * 40
    session.add(
        Bundle(
            digest=digest, repository_uid=repository, commit=commit, branch=branch, run_id=run, name="orders",
            version="1", layer="x", size_bytes=1, manifest={}, created_at=clock.now(),
        )
    )  # fmt: skip
    session.flush()
    data = {"digest": digest, "repository": repository, "commit": commit, "branch": branch, "run_id": run}
    return Event(run, "artifact.published", f"repository:{repository}", clock.now(), data, run, "user:default/ada")


def deployed(session):
    return [row.commit[0] for row in service.find(session)]


def test_the_pipeline_of_an_earlier_push_that_ends_later_deploys_nothing(organisation, repository):
    with db.write(organisation) as session:
        for run in ("2", "1", "3"):
            subscribers._published(session, publish(session, repository, run))
        assert deployed(session) == ["3", "2"]


def test_an_entity_that_arrives_brings_the_bundle_of_its_default_branch(organisation, repository):
    with db.write(organisation) as session:
        publish(session, repository, "1")
        event = publish(session, repository, "2", branch="try-out")
        subscribers._arrived(session, Event(**{**vars(event), "subject": ORDERS}))
        assert deployed(session) == ["1"]

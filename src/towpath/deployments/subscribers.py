"""What deployments hears: a bundle exists, an entity arrived, somebody decided."""

from towpath.artifacts import service as artifacts
from towpath.deployments import service
from towpath.environments import service as environments
from towpath.kit import actor as actors
from towpath.kit import db
from towpath.repositories import service as repositories
from towpath.runs import service as runs
from towpath.sdk.types import Event, Subscriber


def _published(session: db.Session, event: Event) -> None:
    """A bundle of the default branch goes to the first environment; one without an entity waits for it."""
    repository = repositories.get(session, event.data["repository"])
    first = next(iter(environments.all(session)), None)
    if repository.component is None or first is None or event.data["branch"] != repository.default_branch:
        return
    actor = actors.platform(db.database(session).name, event.actor)
    service.ensure(
        session, actor, repository.component, first.name, event.data["digest"], commit=event.data["commit"],
        root_id=event.root_id,
    )  # fmt: skip


def _arrived(session: db.Session, event: Event) -> None:
    """An entity whose repository has a bundle already: deploy the newest one."""
    repository = repositories.of_component(session, event.subject)
    first = next(iter(environments.all(session)), None)
    bundles = artifacts.bundles(session, repository.uid) if repository else []
    if repository is None or first is None or not bundles:
        return
    actor = actors.platform(db.database(session).name, event.actor)
    newest = bundles[0]
    service.ensure(
        session, actor, event.subject, first.name, newest.digest, commit=newest.commit, root_id=event.root_id
    )


def _decided(session: db.Session, event: Event) -> None:
    """A decision lets the waiting run go on; it plans again and compares digests."""
    runs.resume(session, event.data["run"])


SUBSCRIBERS = (
    Subscriber("deployments.publish", ("artifact.published",), _published),
    Subscriber("deployments.arrive", ("repository.linked",), _arrived),
    Subscriber("deployments.decide", ("approval.decided",), _decided),
)

"""What deployments hears: a bundle exists, an entity arrived, somebody decided."""

from towpath.artifacts import service as artifacts
from towpath.artifacts.model import Bundle
from towpath.deployments import service
from towpath.environments import service as environments
from towpath.kit import actor as actors
from towpath.kit import db
from towpath.repositories import service as repositories
from towpath.repositories.service import RepositoryView
from towpath.runs import service as runs
from towpath.sdk.types import Event, Subscriber


def _published(session: db.Session, event: Event) -> None:
    """A bundle of the default branch goes to the first environment; one without an entity waits for it.

    Pipelines of two pushes may end in the other order: what a later push has made is not replaced by an earlier one's.
    """
    repository = repositories.get(session, event.data["repository"])
    first = next(iter(environments.all(session)), None)
    if repository.component is None or first is None or event.data["branch"] != repository.default_branch:
        return
    if any(one.run_id > event.data["run_id"] for one in _of_default(session, repository)):
        return
    actor = actors.platform(db.database(session).name, event.actor)
    service.ensure(
        session, actor, repository.component, first.name, event.data["digest"], commit=event.data["commit"],
        root_id=event.root_id,
    )  # fmt: skip


def _of_default(session: db.Session, repository: RepositoryView) -> list[Bundle]:
    """Bundles of the default branch, newest first."""
    found = artifacts.bundles(session, repository.uid)
    return [one for one in found if one.branch == repository.default_branch]


def _arrived(session: db.Session, event: Event) -> None:
    """An entity whose repository has a bundle of its default branch already: deploy the newest one."""
    repository = repositories.of_component(session, event.subject)
    first = next(iter(environments.all(session)), None)
    bundles = _of_default(session, repository) if repository else []
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

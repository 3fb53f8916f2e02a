"""Which environments there are, and which comes after which. They are documents: the catalog holds them."""

from towpath.catalog import service as catalog
from towpath.environments.spec import EnvironmentSpec, EnvironmentView
from towpath.kit.db import Session
from towpath.kit.errors import NotFound
from towpath.sdk.types import Document

KIND = "Environment"


def all(session: Session) -> list[EnvironmentView]:
    """Every environment in order of promotion; equal orders by name."""
    found = [view(document) for document in catalog.documents(session, KIND)]
    return sorted(found, key=lambda one: (one.order, one.name))


def get(session: Session, name: str) -> EnvironmentView:
    """One environment by name; raises NotFound naming those there are."""
    known = all(session)
    for one in known:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in known) or "none"
    raise NotFound(f"there is no environment '{name}'", hint=f"environments here: {names}")


def after(session: Session, name: str) -> EnvironmentView | None:
    """The environment that a release of `name` is promoted to; None after the last. Raises NotFound."""
    here = get(session, name)
    later = [one for one in all(session) if (one.order, one.name) > (here.order, here.name)]
    return later[0] if later else None


def view(document: Document) -> EnvironmentView:
    """The view of one document of kind Environment."""
    spec = (
        document.spec if isinstance(document.spec, EnvironmentSpec) else EnvironmentSpec.model_validate(document.spec)
    )
    return EnvironmentView(document.name, document.title or document.name, spec.type, spec.order, spec.approval)

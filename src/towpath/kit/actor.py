"""Who acts. Services take an Actor beside the session; nothing finds one by itself."""

from dataclasses import dataclass, field, replace
from enum import IntEnum

from towpath.kit.errors import Forbidden, Unauthenticated


class Role(IntEnum):
    """Roles of an organisation, each including the ones before it."""

    none = 0
    viewer = 1
    developer = 2
    platform_engineer = 3
    administrator = 4


PERMISSIONS: dict[str, Role] = {}
"""Least role of every permission; filled once at start from the hook `permissions`."""


@dataclass(frozen=True)
class Actor:
    """An account, token or the platform itself, acting in one organisation.

    `ref` is the user's entity ref (`user:default/developer`), `groups` the refs of the groups it belongs to,
    `via` how it came in (`session`, `token`, `run`, `operator`), `scopes` what a token is limited to (empty: all).
    """

    ref: str
    organisation: str
    role: Role = Role.none
    account_id: str | None = None
    groups: tuple[str, ...] = ()
    via: str = "run"
    display_name: str = ""
    scopes: tuple[str, ...] = ()
    request_id: str | None = None
    run_id: str | None = None
    csrf: str = field(default="", repr=False)

    def can(self, permission: str) -> bool:
        """Whether role and token scopes allow `permission`; an undeclared permission is refused."""
        least = PERMISSIONS.get(permission)
        scoped = (
            not self.scopes or permission in self.scopes or f"{permission.split('.', maxsplit=1)[0]}.*" in self.scopes
        )
        return least is not None and scoped and self.role >= least

    def require(self, permission: str) -> None:
        """Return when allowed; raises Unauthenticated for nobody and Forbidden with the role that would do."""
        if self.can(permission):
            return
        if self.role is Role.none:
            raise Unauthenticated("sign in to do this", hint="open /sign-in or send a token as 'Authorization: Bearer'")
        least = PERMISSIONS.get(permission)
        need = f"needs the role {least.name.replace('_', ' ')}" if least else "is not a permission of this platform"
        raise Forbidden(f"'{permission}' {need}", hint="ask an administrator of the organisation for the role")

    def owns(self, owner: str | None) -> bool:
        """Whether this actor, or a group of it, is `owner`, or stands above ownership as platform engineer."""
        return self.role >= Role.platform_engineer or (owner is not None and owner in (self.ref, *self.groups))

    def in_run(self, run_id: str) -> "Actor":
        """The same actor, acting through a run: audit records carry the run's id."""
        return replace(self, run_id=run_id, via="run")


def nobody(organisation: str = "") -> Actor:
    """The actor of a request without sign-in."""
    return Actor(ref="", organisation=organisation, via="none")


def platform(organisation: str, cause: str = "") -> Actor:
    """The platform itself, for sweeps and reactions. With `cause` (a user ref) it acts in the name of who caused it.

    So a pipeline and a deployment name the author of the push, who then cannot approve what the push asks for.
    """
    named = cause.startswith("user:")
    return Actor(
        ref=cause if named else "platform", organisation=organisation, role=Role.administrator, via="run",
        display_name="" if named else "The platform",
    )  # fmt: skip

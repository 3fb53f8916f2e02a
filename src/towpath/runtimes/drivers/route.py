"""Driver of `route`: leads a hostname to a logical service, whichever release of it serves."""

import re

from towpath.kit.errors import Invalid
from towpath.runtimes import edge, replacing, state
from towpath.sdk.types import DriverContext, Got, Want

HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


class RouteDriver:
    """Params `host` and `logical`; the edge file itself is written by the replacement alone."""

    id = "route"
    types = ("route",)

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say where the host will lead; empty when it leads there already."""
        del ctx
        host, logical = _wanted(want)
        return [] if want.state == {"host": host, "logical": logical} else [f"lead {host} to {logical}"]

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Bind host and service. Raises Conflict when another service has that host."""
        host, logical = _wanted(want)
        before = want.state.get("logical")
        if before and before != logical:
            replacing.unbind(str(before), want.uid)
        replacing.bind(logical, want.uid, host)
        ctx.log(f"{edge.url(host)} leads to {logical}")
        return Got(state={"host": host, "logical": logical}, outputs={"host": host, "url": edge.url(host)})

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """Take the host away."""
        bound = [one.logical for one in state.all_() if want.uid in one.hosts]
        for logical in bound:
            replacing.unbind(logical, want.uid)
        ctx.log("the route is gone")


def _wanted(want: Want) -> tuple[str, str]:
    host, logical = str(want.params.get("host", "")), str(want.params.get("logical", ""))
    if not HOST.fullmatch(host):
        raise Invalid(f"'{host}' is not a hostname", hint="lower-case labels of a-z, 0-9 and '-', parted by dots")
    if str(want.params.get("path") or "/") != "/":
        raise Invalid("this edge routes whole hosts", hint="leave 'path' out, or set it to '/'")
    return host, logical


DRIVER = RouteDriver()

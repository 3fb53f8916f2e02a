"""Type `dns`: the name under which a component is reached in an environment. On this machine names need no record."""

from towpath.kit.errors import Invalid
from towpath.sdk.types import DriverContext, Got, Want


class Dns:
    """Gives the hostname back that the definition or the workload names."""

    id = "dns"
    types = ("dns",)

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say which name is given; nothing when it is the one given before."""
        del ctx
        host = _host(want)
        return [] if want.state.get("host") == host else [f"use the hostname {host}"]

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Output `host`. `*.localhost` leads to this machine without a record (RFC 6761)."""
        del ctx
        host = _host(want)
        return Got(state={"host": host}, outputs={"host": host})

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """There is no record to remove."""
        del want, ctx


def _host(want: Want) -> str:
    host = want.params.get("host")
    if not isinstance(host, str) or not host:
        raise Invalid("a dns resource needs the param 'host'", hint="the definition of type dns gives it by default")
    return host


DRIVER = Dns()

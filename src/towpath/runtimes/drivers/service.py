"""Driver of `service`: the component's own bundle as a supervised process, replaced without dropped requests."""

from collections.abc import Mapping
from typing import Any

from towpath.kit.errors import Invalid
from towpath.runtimes import replacing, state
from towpath.runtimes.releases import Release
from towpath.sdk.types import DriverContext, Got, Want


class ServiceDriver:
    """Needs in `ctx.given`: bundle (wheel, layer, start, health), release, component, environment, hostname."""

    id = "service"
    types = ("service",)

    def plan(self, want: Want, ctx: DriverContext) -> list[str]:
        """Say which release takes over; empty when it serves already."""
        release = ctx.given.get("release")
        if want.state and want.state.get("release") == release:
            return []
        before = f" in place of {want.state['release']}" if want.state.get("release") else ""
        return [f"start release {release or 'of the bundle'}{before}, and switch to it once it is ready"]

    def apply(self, want: Want, ctx: DriverContext) -> Got:
        """Replace the running release; a repeat finds it done. Raises Unavailable with the last log lines."""
        given = ctx.given
        logical = logical_of(given, ctx.organisation)
        bundle, params = given["bundle"], want.params
        command = params.get("command") or bundle.start
        if not command:
            raise Invalid("nothing says how to start the service", hint="give the bundle or the container a command")
        release = Release(
            id=str(given["release"]),
            logical=logical,
            organisation=ctx.organisation,
            component=str(given["component"]),
            environment=str(given["environment"]),
            wheel=bundle.wheel,
            layer=bundle.layer,
            command=tuple(str(part) for part in command),
            variables=_texts(params.get("variables")),
            secret_variables=_texts(params.get("secret_variables")),
            ready=str(params.get("ready") or bundle.health.get("ready") or "/"),
            live=str(params.get("live") or bundle.health.get("live") or "/"),
        )
        instance = replacing.replace(release, say=ctx.log, cancelled=ctx.cancelled)
        outputs = {"host": "127.0.0.1", "port": instance.port, "url": f"http://127.0.0.1:{instance.port}"}
        return Got(state={"logical": logical, "release": release.id}, outputs=outputs | {"logical": logical})

    def destroy(self, want: Want, ctx: DriverContext) -> None:
        """End every process of the service and remove its releases, logs and ports."""
        logical = want.state.get("logical")
        if not logical:
            # A first release that never became ready left a service without a state of the driver's.
            found = state.find(ctx.organisation, str(want.params.get("name", "")), ctx.environment)
            logical = found.logical if found else None
        if logical:
            replacing.remove(str(logical))
        ctx.log(f"{logical or 'the service'} is gone")


def logical_of(given: Mapping[str, Any], organisation: str) -> str:
    """Name of the logical service: with the organisation's id where its hostname has it."""
    base = f"{given['component']}.{given['environment']}".lower()
    return f"{base}.{organisation}" if str(given["hostname"]).startswith(f"{base}.{organisation}.") else base


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (values or {}).items()}


DRIVER = ServiceDriver()

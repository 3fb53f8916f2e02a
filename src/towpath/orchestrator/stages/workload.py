"""What the service driver is asked to run, read from the workload's one container. Pure.

A driver says by its attribute `supports` which optional features it has (`images`, `containers`, `ports`, `files`,
`volumes`, `limits`, `exec-probes`). What would change how the service behaves is refused; the rest is noted in the plan.
"""

from collections.abc import Iterator
from typing import Any

from towpath.kit.errors import Problem
from towpath.orchestrator.spec import Container
from towpath.orchestrator.stages.load import Workload


def container_of(workload: Workload) -> tuple[str, Container]:
    """The container that is run: the first by name."""
    return min(workload.score.containers.items())


def params_of(workload: Workload, component: str) -> dict[str, Any]:
    """Parameters of the service resource. Variables keep their placeholders; an absent key is left to the definition."""
    _, container = container_of(workload)
    params: dict[str, Any] = {"name": component, "variables": dict(container.variables)}
    if container.command or container.args:
        params["command"] = [*container.command, *container.args]
    if container.readiness and container.readiness.http_get:
        params["ready"] = container.readiness.http_get.path
    if container.liveness and container.liveness.http_get:
        params["live"] = container.liveness.http_get.path
    if workload.score.service.ports:
        params["port_name"] = min(workload.score.service.ports)
    if container.resources:
        params["resources"] = container.resources.model_dump(exclude_none=True)
    if container.files:
        params["files"] = {
            target: file.model_dump(by_alias=True, exclude_none=True) for target, file in container.files.items()
        }
    if container.volumes:
        params["volumes"] = {
            target: volume.model_dump(by_alias=True, exclude_none=True) for target, volume in container.volumes.items()
        }
    return params


def refusals(workload: Workload, driver: str, supports: frozenset[str]) -> Iterator[Problem]:
    """Parts of the workload that the driver would have to leave out, each at its place."""
    name, container = container_of(workload)
    at = ("containers", name)
    if "containers" not in supports and len(workload.score.containers) > 1:
        found = ", ".join(sorted(workload.score.containers))
        yield workload.problem(
            ("containers",), expected="one container per workload in this runtime", found=found,
            hint="make the other one a component of its own",
        )  # fmt: skip
    if "images" not in supports and container.image != ".":
        yield workload.problem(
            (*at, "image"), expected="'.', the bundle that the component's pipeline built", found=f"'{container.image}'",
            hint=f"the driver '{driver}' runs no container images",
        )  # fmt: skip
    if "ports" not in supports and len(workload.score.service.ports) > 1:
        found = ", ".join(sorted(workload.score.service.ports))
        yield workload.problem(("service", "ports"), expected="one port in this runtime", found=found)
    for feature in ("files", "volumes"):
        if feature not in supports and getattr(container, feature):
            hint = f"the driver '{driver}' mounts nothing; pass a value by a variable"
            yield workload.problem((*at, feature), expected=f"no {feature} in this runtime", found=feature, hint=hint)


def notes(workload: Workload, driver: str, supports: frozenset[str]) -> list[str]:
    """Sentences about what the driver does not heed although the service behaves the same."""
    _, container = container_of(workload)
    found = []
    if container.resources and "limits" not in supports:
        found.append(f"limits and requests are not enforced by the driver '{driver}'")
    probes = [probe for probe in (container.readiness, container.liveness) if probe and not probe.http_get]
    if probes and "exec-probes" not in supports:
        found.append(f"probes by command are not run by the driver '{driver}'")
    return found

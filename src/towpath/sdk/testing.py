"""Contract tests that a plugin borrows: give them your driver, they say what it promised and did not keep."""

from dataclasses import replace

from towpath.sdk.types import Driver, DriverContext, Got, Want


def driver_context(**given: object) -> DriverContext:
    """A context for one driver under test: logs nowhere, organisation `test`, environment `development`."""
    return DriverContext(log=lambda text: None, key="test", organisation="test", environment="development", given=given)


def check_driver(driver: Driver, want: Want, ctx: DriverContext | None = None) -> Got:
    """Take a resource through its life. Raises AssertionError naming the promise that was broken.

    plan announces, apply settles, apply repeats without change, destroy may run twice. Returns what apply settled.
    """
    ctx = ctx or driver_context()
    assert want.type in driver.types, f"{driver.id} does not serve the type {want.type}"  # noqa: S101
    assert driver.plan(want, ctx), f"{driver.id}.plan announces nothing for a new resource"  # noqa: S101
    try:
        first = driver.apply(want, ctx)
        settled = replace(want, state=first.state)
        assert not driver.plan(settled, ctx), f"{driver.id}.plan still announces something after apply"  # noqa: S101
        again = driver.apply(settled, ctx)
        assert again.state == first.state, f"{driver.id}.apply changed the state when repeated"  # noqa: S101
        assert again.outputs == first.outputs, f"{driver.id}.apply changed the outputs when repeated"  # noqa: S101
        lost = driver.apply(want, ctx)
        assert lost.outputs == first.outputs, f"{driver.id}.apply made a second one when its state was lost"  # noqa: S101
    finally:
        driver.destroy(want, ctx)
        driver.destroy(want, ctx)
    return first

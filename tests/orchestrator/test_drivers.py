"""The drivers that need no engine keep the contract of drivers."""

import pytest

from towpath.orchestrator.drivers import dns, values, volume
from towpath.sdk.testing import check_driver, driver_context
from towpath.sdk.types import Want


@pytest.mark.parametrize(
    ("driver", "type_", "params", "outputs"),
    [
        (dns.DRIVER, "dns", {"host": "orders.development.localhost"}, {"host": "orders.development.localhost"}),
        (values.DRIVER, "environment", {"values": {"A": "1"}}, {"A": "1"}),
    ],
)
def test_drivers_keep_their_promises(driver, type_, params, outputs):
    assert check_driver(driver, Want("uid", type_, params)).outputs == outputs


def test_a_volume_outlives_applies_and_goes_with_destroy(settings):
    want = Want("volume.default#x.development.data", "volume")
    got = check_driver(volume.DRIVER, want)
    folder = settings.data / "volumes"
    assert str(folder) in got.outputs["source"]
    ctx = driver_context()
    volume.DRIVER.apply(want, ctx)
    [made] = folder.iterdir()
    (made / "kept").write_text("x")
    volume.DRIVER.apply(want, ctx)
    assert (made / "kept").read_text() == "x"
    volume.DRIVER.destroy(want, ctx)
    assert list(folder.iterdir()) == []

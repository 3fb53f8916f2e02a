"""The drivers keep the contract on a real runtime, and the doors show one organisation only its own."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI, Request

from towpath.kit.actor import PERMISSIONS, Actor, Role
from towpath.kit.errors import Conflict, Invalid, NotFound
from towpath.runtimes import api, edge, plug, service, state
from towpath.runtimes.drivers.route import RouteDriver
from towpath.runtimes.drivers.service import ServiceDriver, logical_of
from towpath.runtimes.releases import Release
from towpath.sdk.testing import check_driver, driver_context
from towpath.sdk.types import DriverContext, Want

HOST = "orders.development.localhost"
SERVICE = Want("service.default#c.development.orders", "service", {"name": "orders", "variables": {"N": 1}})
ROUTE = Want("route.default#c.development.web", "route", {"host": HOST, "logical": "orders.development"})


@pytest.fixture
def context(home: Path, parts: tuple[Path, Path]) -> DriverContext:
    layer, wheel = parts
    health = {"ready": "/readyz", "live": "/healthz"}
    bundle = SimpleNamespace(layer=layer, wheel=wheel, start=["orders"], health=health)
    return driver_context(bundle=bundle, release="d1", component="orders", environment="development", hostname=HOST)


def test_the_service_driver_keeps_the_contract(context: DriverContext) -> None:
    got = check_driver(ServiceDriver(), SERVICE, context)
    assert got.outputs["logical"] == "orders.development"
    with pytest.raises(NotFound):
        service.status("orders.development")


def test_a_service_without_the_drivers_state_is_destroyed_too(context: DriverContext) -> None:
    ServiceDriver().apply(SERVICE, context)
    ServiceDriver().destroy(SERVICE, context)
    assert state.all_() == []


def test_the_route_driver_keeps_the_contract(context: DriverContext) -> None:
    got = ServiceDriver().apply(SERVICE, context)
    assert check_driver(RouteDriver(), ROUTE, context).outputs["url"] == edge.url(HOST)
    RouteDriver().apply(ROUTE, context)
    assert edge.answering(HOST) == "d1"
    other = Want("route.default#d.development.web", "route", {"host": HOST, "logical": "billing.development"})
    with pytest.raises(Conflict):
        RouteDriver().apply(other, context)
    with pytest.raises(Invalid):
        RouteDriver().plan(Want("r", "route", {"host": "a` || Host(`b", "logical": "x.y"}), context)
    ServiceDriver().destroy(Want(SERVICE.uid, "service", SERVICE.params, got.state), context)
    RouteDriver().destroy(ROUTE, context)
    assert state.all_() == []


@pytest.mark.parametrize(
    ("hostname", "logical"),
    [
        pytest.param("orders.development.localhost", "orders.development", id="first organisation"),
        pytest.param("orders.development.acme.localhost", "orders.development.acme", id="another organisation"),
    ],
)
def test_the_logical_name_follows_the_hostname(hostname: str, logical: str) -> None:
    given = {"component": "orders", "environment": "development", "hostname": hostname}
    assert logical_of(given, "acme") == logical


def test_the_api_shows_an_organisation_only_its_own_services(
    release: Callable[..., Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    for permission in plug.permissions():
        monkeypatch.setitem(PERMISSIONS, permission.id, permission.role)
    monkeypatch.setattr(api, "STREAM_S", 0.5)
    app, actor = FastAPI(), [Actor("user:default/a", "acme", Role.viewer)]
    app.include_router(api.router)

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[..., object]) -> object:
        request.state.actor = actor[0]
        return await call_next(request)  # type: ignore[misc]

    service.replace(release("d1"))

    def get(path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as client:
                return await client.get(f"/api/v1/runtimes/orders/development/{path}")

        return asyncio.run(ask())

    assert get("status").json()["state"] == "healthy"
    assert "hello from" in get("logs").json()["lines"][0]
    live = get("stream").text
    assert "event: log" in live
    assert "id: d1:" in live
    actor[0] = Actor("user:default/b", "other", Role.administrator)
    with pytest.raises(NotFound):
        get("status")
    service.remove("orders.development")

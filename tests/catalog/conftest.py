"""A portal with the catalog's doors alone, and descriptors in the shape people write them."""

from collections.abc import Callable

import anyio
import httpx
import pytest
from fastapi import FastAPI, Request

from towpath import app as entrance
from towpath.catalog import api, pages, plug, service
from towpath.kit import db
from towpath.kit.actor import Actor
from towpath.kit.errors import TowpathError
from towpath.sdk.types import SourceFile
from towpath.ui import service as ui

URL = "url:towpath://orders/blob/main/catalog-info.yaml"
COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  description: Takes orders
  tags: [python]
spec:
  type: service
  lifecycle: production
  owner: {owner}
  system: checkout
"""


class Door:
    """A synchronous client of an application in this process."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
                return await client.request(method, path, **options)

        return anyio.run(ask)

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)


@pytest.fixture
def descriptor() -> Callable[..., list[SourceFile]]:
    """The one file of a location, with a component, and other documents after it."""

    def make(*more: str, name: str = "orders", owner: str = "payments", url: str = URL) -> list[SourceFile]:
        text = "---\n".join([COMPONENT.format(name=name, owner=owner), *more])
        return [SourceFile(url.removeprefix("url:"), text.encode())]

    return make


@pytest.fixture
def registered(organisation, developer, descriptor) -> db.DatabaseRef:
    """A database with the component `orders` of the team payments."""
    with db.write(organisation) as session:
        service.register(session, developer, URL, files=descriptor())
    return organisation


@pytest.fixture
def door(organisation, actor) -> Callable[..., Door]:
    """A client of the catalog's API and pages that acts as one role."""

    def make(role: str = "developer", **changes: object) -> Door:
        who: Actor = actor(role, **{"groups": ("group:default/payments",), **changes})
        app = FastAPI()
        app.state.organisation_title = lambda name: name
        for folder in plug.template_folders():
            ui.register_templates(folder)

        @app.middleware("http")
        async def identity(request: Request, call_next):
            request.state.actor, request.state.database, request.state.csrf = who, organisation, ""
            return await call_next(request)

        for router in (api.router, api.own, pages.router):
            app.include_router(router)
        app.add_exception_handler(TowpathError, entrance.refusal)
        return Door(app)

    return make

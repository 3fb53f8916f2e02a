"""Deliveries that were given up, on the settings page and on the command line."""

import re

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from towpath import bootstrap, serving
from towpath.app import create_app
from towpath.identity import service as identity
from towpath.kit import db, events
from towpath.kit.errors import Forbidden, NotFound
from towpath.kit.events import DeliveryRow, Subscriber
from towpath.organisations import service as organisations
from towpath.platform import Platform
from towpath.portal import cli, service


@pytest.fixture
def client(settings, organisation):
    """A portal of this organisation whose subscriber `bell` was given up for one event."""
    with db.write(organisations.control()) as session:
        for login, display, role in bootstrap.ACCOUNTS:
            account = identity.create_account(session, login, display, bootstrap.DEMO_PASSWORD, demo=True)
            organisations.join(session, account.id, organisation.name, f"user:default/{login}", role)
    made = TestClient(create_app(Platform(settings)), base_url="http://portal.test")
    events.subscribe([Subscriber("bell", ("thing.*",), lambda session, event: None)])
    with db.write(organisation) as session:
        events.emit(session, "thing.made", "component:default/orders")
    with db.write(organisation) as session:
        row = session.query(DeliveryRow).one()
        row.state, row.tries, row.error = "parked", 10, "OSError: the bell is <b>broken</b>"
    yield made
    events.subscribe([])


def sign_in(client, login):
    origin = {"Origin": "http://portal.test"}
    client.post("/sign-in", data={"login": login, "password": "towpath"}, headers=origin)
    return {**origin, "X-CSRF-Token": client.get("/settings").text.split('csrf-token" content="')[1].split('"')[0]}


def states(organisation):
    with db.read(organisation) as session:
        return [row.state for row in session.query(DeliveryRow).filter(DeliveryRow.subscriber == "bell")]


def test_the_page_shows_what_was_given_up_and_delivers_it_again(client, organisation):
    headers = sign_in(client, "platform-engineer")
    assert "/settings/events" in client.get("/settings").text
    page = client.get("/settings/events").text
    assert re.search(r"thing\.made.*component:default/orders.*bell.*&lt;b&gt;broken", page, re.DOTALL)
    again = client.post("/settings/events/replay", data={"subscriber": "bell"}, headers=headers)
    assert "Nothing was given up" in again.text
    assert states(organisation) == ["queued"]


def test_a_developer_sees_neither_page_nor_link(client):
    headers = sign_in(client, "developer")
    assert "/settings/events" not in client.get("/settings").text
    assert client.get("/settings/events").status_code == 403
    refused = client.post("/settings/events/replay", data={"subscriber": "bell"}, headers=headers)
    assert refused.status_code == 403


def test_the_command_line_lists_and_replays(client, organisation):
    ask = lambda command, **arguments: serving.COMMANDS[command](arguments)  # noqa: E731
    listed = CliRunner().invoke(cli.events, ["parked"], obj={"ask": ask})
    assert "bell  thing.made  component:default/orders\n  OSError: the bell" in listed.output
    done = CliRunner().invoke(cli.events, ["replay", "bell"], obj={"ask": ask})
    assert done.output == "1 events are delivered to bell again\n"
    assert states(organisation) == ["queued"]


def test_replay_is_refused_to_developers_and_for_strangers(client, organisation, developer, administrator):
    with pytest.raises(Forbidden), db.write(organisation) as session:
        service.replay(session, developer, "bell")
    with pytest.raises(NotFound, match="no subscriber 'ball'"), db.write(organisation) as session:
        service.replay(session, administrator, "ball")

"""The first start of an install, on an empty database."""

from concurrent.futures import ThreadPoolExecutor

from towpath import bootstrap
from towpath.catalog import service as catalog
from towpath.kit import db
from towpath.organisations import service as organisations


def start(settings) -> str | None:
    """What a portal does before it serves."""
    password = bootstrap.first_start(settings)
    bootstrap.load_documents(settings)
    return password


def test_two_replicas_that_start_at_once_found_one_organisation(settings, founded):
    with ThreadPoolExecutor(2) as pool:
        assert [one.result() for one in [pool.submit(start, settings) for _ in range(2)]] == [None, None]
    assert [one.name for one in organisations.databases()] == ["northbank"]
    with db.read(organisations.database("northbank")) as session:
        assert catalog.find(session, "template:default/python-web-service")


def test_outside_the_demo_the_first_start_gives_a_password_once(settings, founded):
    own = settings.model_copy(update={"demo": False})
    assert len(bootstrap.first_start(own) or "") >= 12
    assert bootstrap.first_start(own) is None

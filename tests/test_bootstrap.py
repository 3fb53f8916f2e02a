"""The first start of an install, on an empty database."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from towpath import bootstrap
from towpath.catalog import service as catalog
from towpath.identity import service as identity
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


def test_outside_the_demo_the_first_password_is_kept_until_it_was_said(settings, founded):
    own = settings.model_copy(update={"demo": False})
    password = bootstrap.first_start(own) or ""
    assert len(password) >= 12
    assert (own.data / "keys" / "first-password").stat().st_mode & 0o777 == 0o600
    assert bootstrap.first_start(own) == password  # the process before was killed before it said it
    identity.sign_in("administrator", password)
    for _ in range(2):
        bootstrap.forget_password(own)
    assert bootstrap.first_start(own) is None


def test_a_password_that_cannot_be_kept_founds_nothing(settings, founded):
    own = settings.model_copy(update={"demo": False})
    (own.folder("keys") / "first-password").mkdir()
    with pytest.raises(IsADirectoryError):
        bootstrap.first_start(own)
    assert organisations.databases() == []

"""Signing in, sessions, tokens and roles, as the control database keeps them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from towpath.identity import service
from towpath.kit import db
from towpath.kit.actor import Role
from towpath.kit.errors import Conflict, Invalid, NotFound, Unauthenticated
from towpath.organisations import service as organisations

ADA = "user:default/ada"


@pytest.fixture
def ada(organisation):
    """The administrator Ada with the password `towpath`."""
    with db.write(organisations.control()) as session:
        account = service.create_account(session, "ada", "Ada", "towpath")
        organisations.join(session, account.id, organisation.name, ADA, Role.administrator)
    return service.by_ref(organisation.name, ADA)


def test_a_sign_in_lasts_until_the_sign_out(ada):
    opened = service.sign_in("ada", "towpath")
    assert service.by_cookie(opened.cookie, "r").ref == ADA
    service.sign_out(opened.cookie)
    assert service.by_cookie(opened.cookie, "r").ref == ""


def test_failures_are_counted_and_a_right_password_forgets_them(ada):
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            service.sign_in("ada", "wrong")
    service.sign_in("ada", "towpath")
    with db.read(organisations.control()) as session:
        assert service.queries.account(session, ada.account_id).failures == 0


def test_guesses_made_at_one_moment_all_count(ada):
    def guess(_: int) -> None:
        with pytest.raises(Unauthenticated):
            service.sign_in("ada", "wrong")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(guess, range(4)))
    with db.read(organisations.control()) as session:
        assert service.queries.account(session, ada.account_id).failures == 4


def test_a_token_acts_until_it_is_revoked(organisation, ada):
    with db.write(organisation) as session:
        made = service.create_token(session, ada, "laptop", scopes=("catalog.read",))
    assert service.by_token(made.secret, "r").scopes == ("catalog.read",)
    assert [one.name for one in service.tokens(ada)] == ["laptop"]
    with db.write(organisation) as session:
        service.revoke_token(session, ada, made.id)
    with pytest.raises(Unauthenticated):
        service.by_token(made.secret, "r")


def test_the_last_administrator_stays_one_and_a_stranger_has_no_role(organisation, ada):
    for ref, error in ((ADA, Conflict), ("user:default/nobody", NotFound)):
        with pytest.raises(error), db.write(organisation) as session:
            service.set_role(session, ada, ref, Role.viewer)


@pytest.mark.parametrize("days", [0, -1])
def test_a_token_lasts_a_day_at_least(organisation, ada, days):
    with pytest.raises(Invalid), db.write(organisation) as session:
        service.create_token(session, ada, "laptop", days=days)
    assert service.tokens(ada) == []

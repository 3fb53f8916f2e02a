"""Secrets are kept sealed, opened by reference, and gone with their subject."""

from contextlib import nullcontext

import pytest

from towpath.catalog import service as catalog
from towpath.kit import db
from towpath.kit.errors import Forbidden, NotFound, Unavailable
from towpath.repositories import service as repositories
from towpath.sdk.types import SourceFile
from towpath.secrets import keyring, queries
from towpath.secrets import service as secrets

VALUE = "correct-horse-battery-staple"
SUBJECT = "component:default/orders@development"


@pytest.fixture
def ref(database, developer):
    with db.write(database) as session:
        return secrets.put(session, developer, "STRIPE_KEY", VALUE, subject=SUBJECT)


def test_a_reference_opens_to_the_value(database, ref):
    with db.read(database) as session:
        assert secrets.resolve(session, ref).reveal() == VALUE


def test_the_value_is_nowhere_in_the_files_of_the_data_folder(database, ref, config):
    db.dispose()
    files = [path for path in config.data.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert not [path for path in files if VALUE.encode() in path.read_bytes()]


def test_the_key_file_is_for_its_owner_only(ref, config):
    assert (config.data / "keys" / "kek").stat().st_mode & 0o777 == 0o600


def test_a_second_put_replaces_the_value_and_keeps_the_reference(database, developer, ref):
    with db.write(database) as session:
        assert secrets.put(session, developer, "STRIPE_KEY", "other", subject=SUBJECT) == ref
        assert secrets.resolve(session, ref).reveal() == "other"
        assert secrets.listed(session, SUBJECT)[0].version == 2


def test_putting_the_same_value_again_changes_nothing(database, developer, ref):
    with db.write(database) as session:
        secrets.put(session, developer, "STRIPE_KEY", VALUE, subject=SUBJECT)
        assert secrets.listed(session, SUBJECT)[0].version == 1


def test_another_key_is_unavailable_and_says_where_keys_are(database, ref, monkeypatch):
    monkeypatch.setenv("TOWPATH_KEK", secrets_key())
    with db.read(database) as session, pytest.raises(Unavailable) as raised:
        secrets.resolve(session, ref)
    assert "keys/kek" in raised.value.hint


def secrets_key():
    return keyring.Key.new().text()


@pytest.mark.parametrize("column", ["ciphertext", "wrapped_key"])
def test_an_altered_row_is_detected(database, ref, column):
    with db.write(database) as session:
        row = queries.get(session, ref.id)
        stored = getattr(row, column)
        setattr(row, column, stored[:-1] + bytes([stored[-1] ^ 1]))
    with db.read(database) as session, pytest.raises(Unavailable, match="altered"):
        secrets.resolve(session, ref)


def test_a_row_copied_over_another_does_not_open(database, developer, ref):
    with db.write(database) as session:
        other = secrets.put(session, developer, "OTHER", "x", subject=SUBJECT)
        source, target = queries.get(session, ref.id), queries.get(session, other.id)
        target.ciphertext, target.wrapped_key = source.ciphertext, source.wrapped_key
    with db.read(database) as session, pytest.raises(Unavailable, match="moved"):
        secrets.resolve(session, other)


def test_rotation_reseals_and_the_old_key_can_go(database, administrator, ref):
    old = keyring.keys()[0]
    new = keyring.add_new()
    with db.write(database) as session:
        assert secrets.reseal_all(session, administrator) == 1
        assert secrets.reseal_all(session, administrator) == 0
    assert keyring.drop_old() == 1
    assert keyring.keys() == [new] != [old]
    with db.read(database) as session:
        assert secrets.resolve(session, ref).reveal() == VALUE


def test_a_developer_may_not_rotate(database, developer):
    with pytest.raises(Forbidden), db.write(database) as session:
        secrets.reseal_all(session, developer)


def test_removing_a_subject_takes_narrower_ones_but_no_namesakes(database, developer, ref):
    with db.write(database) as session:
        kept = secrets.put(session, developer, "K", "v", subject="component:default/orders-archive@development")
        assert secrets.remove_of(session, developer, "component:default/orders") == 1
        assert secrets.remove_of(session, developer, "component:default/orders") == 0
        assert secrets.resolve(session, kept).reveal() == "v"
        with pytest.raises(NotFound):
            secrets.resolve(session, ref)


def holding(organisation, administrator, owner):
    """The component `orders` of an owner, and a repository of the same."""
    text = f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: orders}}\nspec: {{type: service, lifecycle: production, owner: '{owner}'}}\n"
    uid = repositories.make(organisation, administrator, "orders", owner=owner).uid
    with db.write(organisation) as session:
        catalog.register(
            session,
            administrator,
            "url:https://a.example/c.yaml",
            files=[SourceFile("https://a.example/c.yaml", text.encode())],
        )
    return [SUBJECT, f"repository:{uid}"]


@pytest.mark.parametrize(("owner", "may"), [("group:default/payments", True), ("group:default/others", False)])
def test_people_write_and_remove_secrets_of_what_they_own(organisation, administrator, developer_of, owner, may):
    """A workflow and a service run with these values: to change them is to change what others run."""
    for subject in holding(organisation, administrator, owner):
        for act in (
            lambda session, subject=subject: secrets.write(session, developer_of, "KEY", VALUE, subject=subject),
            lambda session, subject=subject: secrets.remove(session, developer_of, subject, "KEY"),
        ):
            with (
                nullcontext() if may else pytest.raises(Forbidden, match="belong to"),
                db.write(organisation) as session,
            ):
                act(session)


def test_what_nobody_owns_is_the_platforms(organisation, developer_of):
    with pytest.raises(Forbidden), db.write(organisation) as session:
        secrets.write(session, developer_of, "KEY", VALUE, subject="environment:default/production#postgres")

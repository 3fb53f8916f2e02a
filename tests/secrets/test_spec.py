"""A secret does not show itself by accident."""

import copy
import json
import logging
import pickle
import traceback

import pytest

from towpath.kit.errors import Invalid
from towpath.secrets.spec import Secret, SecretRef, SecretWrite

VALUE = "correct-horse"
SECRET = Secret(VALUE)


@pytest.mark.parametrize(
    "shown", [repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET:>20}", f"{[SECRET]}", f"{SECRET!r}"]
)
def test_text_of_a_secret_is_stars(shown):
    assert "****" in shown
    assert VALUE not in shown


def test_a_secret_does_not_become_json_or_a_pickle():
    with pytest.raises(TypeError):
        json.dumps(SECRET)
    with pytest.raises(Invalid):
        pickle.dumps(SECRET)
    assert not hasattr(SECRET, "__dict__")
    assert copy.deepcopy(SECRET).reveal() == VALUE


def test_logs_and_tracebacks_show_stars(caplog):
    logging.getLogger("t").error("secret %s %r", SECRET, {"a": SECRET})
    with pytest.raises(ValueError) as raised:
        raise ValueError(SECRET)
    shown = caplog.text + "".join(traceback.format_exception(raised.value))
    assert "****" in shown
    assert VALUE not in shown


def test_the_body_of_a_request_hides_the_value():
    assert VALUE not in repr(SecretWrite(name="A", value=VALUE, subject="component:default/orders"))


def test_a_reference_survives_json():
    ref = SecretRef("01")
    assert SecretRef.of(json.loads(json.dumps(ref.as_json()))) == ref
    assert SecretRef.of({"$secret": "01", "more": 1}) is None

"""Entity refs: the grammar, its defaults, and that no text breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.catalog import refs, urls
from towpath.kit.errors import Invalid


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Component:Default/Orders", "component:default/orders"),
        ("component:orders", "component:default/orders"),
        ("team/orders", "group:team/orders"),
        ("orders", "group:default/orders"),
        ("a/b:c", "group:a/b:c"),
    ],
)
def test_a_ref_splits_on_the_first_colon_and_slash(text, canonical):
    assert refs.canonical(text, kind="Group") == canonical


@pytest.mark.parametrize("text", ["", ":x", "a:", "a:/b", "a:b/", "/x"])
def test_an_empty_part_is_invalid(text):
    with pytest.raises(Invalid):
        refs.parse(text, kind="Component")


@given(st.text(max_size=30))
def test_any_text_is_a_ref_or_invalid_and_canonical_text_stays_itself(text):
    try:
        once = refs.canonical(text, kind="component")
    except Invalid:
        return
    assert once == once.lower()


BASE = "towpath://orders/blob/main/docs/catalog-info.yaml"


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("./api.yaml", "towpath://orders/blob/main/docs/api.yaml"),
        ("../api.yaml", "towpath://orders/blob/main/api.yaml"),
        ("/api.yaml", "towpath://orders/blob/main/api.yaml"),
    ],
)
def test_a_target_is_joined_inside_its_repository(target, url):
    assert urls.join(BASE, target) == url


@pytest.mark.parametrize(
    "target",
    [
        "../../secret",
        "%2e%2e/%2e%2e/x",
        "%252e%252e/x",
        "towpath://other/blob/main/x",
        "file:///etc/passwd",
        "towpath://orders/blob/main/../../x",
    ],
)
def test_a_target_cannot_leave_its_repository(target):
    with pytest.raises(Invalid):
        urls.join(BASE, target)

"""E-mail layouts: what is accepted, what is refused, and what is stored of them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.email_layout import EMAIL_LAYOUT, EmailLayout
from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject


def _document(**changes: Any) -> JsonObject:
    return {
        "name": "Brand",
        "html_layout": "<html><body>{{ content }}</body></html>",
        "text_layout": "{{content}}",
        **changes,
    }


def _check(**changes: Any) -> EmailLayout:
    return EMAIL_LAYOUT.check(EMAIL_LAYOUT.normalise(_document(**changes), ChannelTypes()), "brand")


def _refused(**changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidParams) as refusal:
        _check(**changes)
    return {error.field: error.message for error in refusal.value.errors}


def test_a_small_document_gets_its_defaults() -> None:
    """Name and both sources are enough."""
    assert EMAIL_LAYOUT.normalise(_document(), ChannelTypes()) == _document(
        footer_links=[], is_mjml=False, branding_overrides=None
    )
    assert _check() == EmailLayout("<html><body>{{ content }}</body></html>", "{{content}}")


def test_links_are_kept_in_order() -> None:
    """Footer links are objects of two Liquid texts."""
    links = [{"text": "a", "url": "{{ vars.app_url }}"}, {"text": "b", "url": ""}]

    assert _check(footer_links=links).footer_links == tuple(links)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"html_layout": None}, "html_layout"),
        ({"html_layout": 5}, "html_layout"),
        ({"html_layout": "<html></html>"}, "html_layout"),
        ({"html_layout": "{{ contents }}"}, "html_layout"),
        ({"text_layout": ""}, "text_layout"),
        ({"text_layout": "text"}, "text_layout"),
        ({"footer_links": {}}, "footer_links"),
        ({"footer_links": ["x"]}, "footer_links[0]"),
        ({"footer_links": [{"text": "x"}]}, "footer_links[0].url"),
        ({"footer_links": [{"text": 5, "url": "x"}]}, "footer_links[0].text"),
        ({"footer_links": [{"text": "x", "url": "y"}] * 101}, "footer_links"),
        ({"is_mjml": "yes"}, "is_mjml"),
        ({"is_mjml": True}, "html_layout"),
        ({"is_mjml": True, "html_layout": "<mjml-raw>{{ content }}</mjml-raw>"}, "html_layout"),
        ({"html_layout": "<head><style>{{content}}</style></head><body></body>"}, "html_layout"),
        ({"html_layout": "<HEAD>{{ content }}"}, "html_layout"),
        ({"branding_overrides": {"primary_color": "red"}}, "branding_overrides.primary_color"),
        ({"branding_overrides": {"colour": "#fff"}}, "branding_overrides.colour"),
    ],
)
def test_a_wrong_member_is_named(changes: JsonObject, field: str) -> None:
    """Each violation is reported at its own path."""
    assert list(_refused(**changes)) == [field]


def test_all_violations_are_reported_at_once() -> None:
    """An author sees everything that is wrong in one answer, in words that say what to do."""
    found = _refused(name="", html_layout="<p>", text_layout=None, is_mjml="yes")

    assert found == {
        "name": "can't be blank",
        "html_layout": "must contain {{ content }}, where the body of the e-mail goes",
        "text_layout": "is required",
        "is_mjml": "must be true or false",
    }


def test_mjml_and_branding_are_read() -> None:
    """A layout says whether it is MJML, and what it changes of the branding."""
    source = "<mjml><mj-body>{{ content }}</mj-body></mjml>"
    branding = {"primary_color": "#fff", "logo_url": None}
    layout = _check(html_layout=source, is_mjml=True, branding_overrides=branding)
    assert layout.is_mjml
    assert layout.branding == {"primary_color": "#fff"}


def test_what_a_client_adds_is_not_stored() -> None:
    """File paths, read-only members, and overrides that are all unset are dropped."""
    overrides = dict.fromkeys(("logo_url", "primary_color"))
    pushed = _document(
        **{"html_layout@": "brand.html", "$schema": "x", "__annotation": {}},
        key="brand",
        sha="abc",
        branding_overrides=overrides,
        is_mjml=None,
    )

    assert EMAIL_LAYOUT.normalise(pushed, ChannelTypes()) == EMAIL_LAYOUT.normalise(
        _document(), ChannelTypes()
    )


def test_a_stored_layout_without_sources_shows_the_body_alone() -> None:
    """A layout that cannot be read is no reason to send nothing."""
    assert EMAIL_LAYOUT.read({"html_layout": 5, "footer_links": "x"}, "brand") == EmailLayout(
        "{{ content }}", "{{ content }}"
    )

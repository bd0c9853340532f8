"""Variables: what their text stands for, how they are named, and what a branding falls back to."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.variables import effective_branding, is_variable_key, read_value, texts_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, None),
        ("", ""),
        ("Acme", "Acme"),
        ("true", True),
        ("TRUE", "TRUE"),
        ("null", None),
        ("12.5", 12.5),
        ("007", "007"),
        ('"quoted"', "quoted"),
        ('{"a": [1, "b"]}', {"a": [1, "b"]}),
        ("{not json", "{not json"),
        ("[" * 20_000, "[" * 20_000),
    ],
)
def test_text_that_is_json_is_what_it_says(text: str | None, value: Any) -> None:
    """JSON is read as what it says; everything else is the text itself."""
    found = read_value(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("app_url", True),
        ("APP-key_2", True),
        ("_x", True),
        ("2x", False),
        ("", False),
        ("a.b", False),
        ("a b", False),
        ("branding", False),
        ("manage_preferences_url", False),
        ("x" * 255, True),
        ("x" * 256, False),
    ],
)
def test_keys_are_names_that_liquid_can_read(key: str, *, good: bool) -> None:
    """A key is a name in Liquid, and none of those that the system gives a meaning."""
    assert is_variable_key(key) is good


def test_the_texts_within_a_secret_are_secret_too() -> None:
    """A template may print one member of a secret that is JSON."""
    assert set(texts_of('{"user": "bob", "keys": ["k-1", 2]}')) == {
        '{"user": "bob", "keys": ["k-1", 2]}',
        "bob",
        "k-1",
    }


def test_a_branding_falls_back() -> None:
    """Colours have Knock's defaults; the dark logo is the light one; own members stay."""
    branding = effective_branding(
        {"logo_url": "https://x/l.png", "primary_color": None, "dark_icon_url": None, "font": "A"}
    )
    assert branding == {
        "primary_color": "#000000",
        "primary_color_contrast": "#FFFFFF",
        "dark_primary_color": "#FFFFFF",
        "dark_primary_color_contrast": "#000000",
        "logo_url": "https://x/l.png",
        "dark_logo_url": "https://x/l.png",
        "font": "A",
    }

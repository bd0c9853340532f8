"""The message types that every environment has from the start: banner, modal and card.

They are what the components of Knock's React library show, so the keys of types, variants and
fields are Knock's. What they say of themselves, and how they look in an editor, is ours.

Source: Knock docs, "Message types" ("Pre-built message types"), "Banner", "Modal" and "Card".
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.kit.json_types import JsonObject

# What an author finds in a field that is to be filled.
_BODY = "Say in a sentence or two what there is to know, or to do."


def _field(kind: str, key: str, label: str, **settings: object) -> JsonObject:
    return {"type": kind, "key": key, "label": label, "settings": settings}


def _line(key: str, label: str, default: str, *, required: bool = True) -> JsonObject:
    return _field("text", key, label, required=required, default=default)


def _button(key: str, label: str, text: str) -> JsonObject:
    return {
        **_field("button", key, label, required=True),
        "text": _line("text", "Button text", text),
        "action": _line("action", "Button action", "https://example.com"),
    }


_TITLE = _line("title", "Title", "Title")
_TEXT = _field("markdown", "body", "Body", required=True, default=_BODY)
_DISMISSIBLE = _field("boolean", "dismissible", "Dismissible?", required=False, default=True)
_IMAGE: JsonObject = {
    **_field("image", "image", "Image", required=False),
    "url": _field("url", "url", "Image URL", required=False, default=""),
    "alt": _line("alt", "Alt text", "", required=False),
    "action": _line("action", "Image action", "", required=False),
}
_PRIMARY = _button("primary_button", "Primary button", "Go on")
_SECONDARY = _button("secondary_button", "Secondary button", "Not now")


def _type(name: str, icon: str, description: str, *fields: JsonObject) -> JsonObject:
    """Write a message type whose variants have the same fields, and none, one or two buttons."""
    buttons: list[tuple[str, str, list[JsonObject]]] = [
        ("default", "Default", []),
        ("single-action", "Single-action", [_PRIMARY]),
        ("multi-action", "Multi-action", [_PRIMARY, _SECONDARY]),
    ]
    return {
        "name": name,
        "description": description,
        "icon_name": icon,
        "preview": _preview(name.lower(), {field["key"] for field in fields}),
        "variants": [
            {"key": key, "name": title, "fields": [*fields, *more]} for key, title, more in buttons
        ],
    }


def _preview(kind: str, keys: set[str]) -> str:
    """Write what shows a message in an editor, which knows the values of its fields."""
    headline = "<p><small>{{ headline | escape }}</small></p>\n" if "headline" in keys else ""
    image = (
        '{% if image.url != blank %}<img src="{{ image.url | escape }}"'
        ' alt="{{ image.alt | escape }}" style="max-width: 100%;">{% endif %}\n'
        if "image" in keys
        else ""
    )
    return (
        f'<div class="{kind}" style="border: 1px solid #d0d0d8; border-radius: 8px;'
        ' max-width: 560px; padding: 16px; font-family: sans-serif;">\n'
        '{% if dismissible %}<span style="float: right;">&times;</span>{% endif %}\n'
        f"{headline}<strong>{{{{ title | escape }}}}</strong>\n"
        f"<div>{{{{ body | from_markdown }}}}</div>\n{image}"
        "{% if primary_button.text %}<button>{{ primary_button.text | escape }}</button>"
        "{% endif %}\n"
        "{% if secondary_button.text %}<button>{{ secondary_button.text | escape }}</button>"
        "{% endif %}\n</div>\n"
    )


# As somebody would write them, by key.
PREBUILT_TYPES: Mapping[str, JsonObject] = {
    "banner": _type(
        "Banner", "Flag", "A line of news above everything else.", _TITLE, _TEXT, _DISMISSIBLE
    ),
    "modal": _type(
        "Modal",
        "PictureInPicture",
        "A window in front of everything else.",
        _TITLE,
        _TEXT,
        _IMAGE,
        _DISMISSIBLE,
    ),
    "card": _type(
        "Card",
        "PanelTop",
        "A piece of a page.",
        _line("headline", "Headline", "Headline"),
        _TITLE,
        _TEXT,
        _IMAGE,
        _DISMISSIBLE,
    ),
}

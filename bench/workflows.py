"""The workflows that are measured."""

from __future__ import annotations

from typing import Any


def _feed(ref: str, **extra: Any) -> dict[str, Any]:
    return {
        "type": "channel",
        "ref": ref,
        "channel_type": "in_app_feed",
        "channel_key": "in-app",
        "template": {
            "markdown_body": "**{{ recipient.name }}**, there is news on {{ data.page }}.",
            "action_url": "https://example.com/{{ data.page }}",
        },
        **extra,
    }


_NEVER = {"all": [{"variable": "data.page", "operator": "equal_to", "argument": "Nowhere"}]}
_ALWAYS = {"all": [{"variable": "data.page", "operator": "equal_to", "argument": "Overview"}]}
_EMAIL = {
    "type": "channel",
    "ref": "email",
    "channel_type": "email",
    "channel_key": "smtp",
    "template": {
        "subject": "News on {{ data.page }}",
        "html_body": "<p>Hello {{ recipient.name }}, there is news on {{ data.page }}.</p>",
        "settings": {"layout_key": None},
    },
}


def _delay(unit: str, value: int) -> dict[str, Any]:
    return {
        "type": "delay",
        "ref": "wait",
        "settings": {"delay_for": {"unit": unit, "value": value}},
    }


WORKFLOWS: dict[str, list[dict[str, Any]]] = {
    "bench-nothing": [_feed("never", conditions=_NEVER)],
    "bench-in-app": [_feed("feed")],
    "bench-email": [_EMAIL],
    # Design target: six steps that never wait, three of them in-app.
    "bench-six": [
        _feed("feed-1", conditions=_ALWAYS),
        _feed("skip-1", conditions=_NEVER),
        _feed("feed-2", conditions=_ALWAYS),
        _feed("skip-2", conditions=_NEVER),
        _feed("feed-3", conditions=_ALWAYS),
        _feed("skip-3", conditions=_NEVER),
    ],
    "bench-sleep": [_delay("hours", 24), _feed("feed")],
    "bench-all": [_feed("feed"), _delay("seconds", 1), _EMAIL],
}

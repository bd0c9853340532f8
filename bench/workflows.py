"""The workflows that are measured."""

from __future__ import annotations

from typing import Any

from domain.kit.json_types import JsonObject
from tests.support.steps import (
    batch_step,
    branch,
    branch_step,
    channel_step,
    delay_step,
    email_step,
    fetch_step,
    throttle_step,
    when,
    with_template,
)

_NEWS = {
    "markdown_body": "**{{ recipient.name }}**, there is news on {{ data.page }}.",
    "action_url": "https://example.com/{{ data.page }}",
}
_NEVER = when("data.page", "equal_to", "Nowhere")
_ALWAYS = when("data.page", "equal_to", "Overview")
_EMAIL = with_template(
    email_step("News on {{ data.page }}", "email"),
    html_body="<p>Hello {{ recipient.name }}, there is news on {{ data.page }}.</p>",
)

_UNTIL = {"type": "delay", "ref": "wait", "settings": {"delay_until_field_path": "data.until"}}


def _feed(ref: str, **changes: Any) -> JsonObject:
    return channel_step(ref, template=_NEWS, **changes)


WORKFLOWS: dict[str, list[JsonObject]] = {
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
    "bench-sleep": [_UNTIL, _feed("feed")],
    "bench-batch": [batch_step(seconds=24 * 3600), _feed("feed")],
    "bench-gather": [
        batch_step(seconds=3600, batch_key="page", batch_items_max_limit=1000),
        _feed("feed"),
    ],
    "bench-throttle": [throttle_step(), _feed("feed")],
    "bench-fetch": [
        branch_step(
            "branch", branch("Overview", fetch_step(), conditions=_ALWAYS), branch("Default")
        ),
        _feed("feed"),
    ],
    "bench-all": [_feed("feed"), delay_step(seconds=1), _EMAIL],
}

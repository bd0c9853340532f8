"""The Management API as tests call it; Knock has no released SDK for it."""

from __future__ import annotations

from typing import Any

import httpx


class Management:
    """Calls with a service token; every answer must be a success.

    Args:
        http: a client that sends the token.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def put(self, path: str, body: Any = None, **query: str) -> Any:
        """Send a PUT and return the decoded answer."""
        answer = self.http.put(path, json=body or {}, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def save_workflow(self, key: str, *steps: dict[str, Any], commit: bool = True) -> None:
        """Save a workflow in development, and commit it."""
        self.put(
            f"/v1/workflows/{key}",
            {"workflow": {"name": key, "steps": list(steps)}},
            environment="development",
            commit=str(commit).lower(),
        )


def feed_step(text: str = "Hello", ref: str = "feed_1") -> dict[str, Any]:
    """Return an in-app step."""
    return _channel_step(ref, "in_app_feed", "in-app", {"markdown_body": text})


def email_step(subject: str = "Hello", **template: Any) -> dict[str, Any]:
    """Return an e-mail step without a layout."""
    body = {"html_body": "<p>Hello</p>", "settings": {"layout_key": None}, **template}
    return _channel_step("email_1", "email", "smtp", {"subject": subject, **body})


def webhook_step(channel_key: str = "webhook") -> dict[str, Any]:
    """Return a webhook step that calls `data.url`."""
    template = {
        "method": "post",
        "url": "{{ data.url }}",
        "headers": [],
        "query_params": [],
        "body": '{"to": {{ recipient.id | json }}, "note": {{ data.note | json }}}',
    }
    return _channel_step("webhook_1", "http", channel_key, template)


def delay_step(seconds: int, ref: str = "delay_1") -> dict[str, Any]:
    """Return a delay of some seconds."""
    return {
        "type": "delay",
        "ref": ref,
        "settings": {"delay_for": {"unit": "seconds", "value": seconds}},
    }


def _channel_step(ref: str, kind: str, key: str, template: dict[str, Any]) -> dict[str, Any]:
    step = {"type": "channel", "ref": ref, "channel_type": kind, "channel_key": key}
    return {**step, "template": template}

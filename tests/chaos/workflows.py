"""The workflows under test, made through the Management API as a product team would."""

from __future__ import annotations

from typing import Any

import httpx

from commands.dev.client import DevStack

IN_APP = "chaos-in-app"
MIXED = "chaos-mixed"
EMAIL = "chaos-email"
CANCELLABLE = "chaos-cancellable"

SHORT_DELAY, LONG_DELAY = 4, 9
DELAY_REF = "delay_1"
SUBJECT_PREFIX = "chaos"


def _in_app() -> dict[str, Any]:
    return {
        "type": "channel",
        "ref": "in_app_1",
        "name": "In the app",
        "channel_type": "in_app_feed",
        "channel_key": "in-app",
        "template": {"markdown_body": "Number **{{ data.number }}** for {{ recipient.name }}"},
    }


def _email() -> dict[str, Any]:
    return {
        "type": "channel",
        "ref": "email_1",
        "name": "By e-mail",
        "channel_type": "email",
        "channel_key": "smtp",
        "template": {
            "subject": SUBJECT_PREFIX + " {{ data.number }} {{ recipient.id }}",
            "html_body": "<p>Number {{ data.number }} for {{ recipient.name }}</p>",
            "text_body": None,
            "settings": {"layout_key": "default"},
        },
    }


def _delay(seconds: int) -> dict[str, Any]:
    return {
        "type": "delay",
        "ref": DELAY_REF,
        "name": "Wait",
        "settings": {"delay_for": {"unit": "seconds", "value": seconds}},
    }


STEPS: dict[str, list[dict[str, Any]]] = {
    IN_APP: [_in_app()],
    MIXED: [_in_app(), _delay(SHORT_DELAY), _email()],
    EMAIL: [_email()],
    CANCELLABLE: [_delay(LONG_DELAY), _in_app(), _email()],
}


def message_steps(workflow_key: str) -> list[str]:
    """Return the refs of the steps that make a message."""
    return [step["ref"] for step in STEPS[workflow_key] if step["type"] == "channel"]


async def publish_workflows(stack: DevStack) -> None:
    """Create every workflow in the development environment and commit it."""
    headers = {"Authorization": f"Bearer {stack.service_token}"}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30.0) as client:
        for key, steps in STEPS.items():
            answer = await client.put(
                f"/v1/workflows/{key}",
                params={"environment": "development", "commit": "true"},
                json={"workflow": {"name": key, "steps": steps}},
            )
            answer.raise_for_status()
            activated = await client.put(
                f"/v1/workflows/{key}/activate",
                params={"environment": "development"},
                json={"status": True},
            )
            activated.raise_for_status()

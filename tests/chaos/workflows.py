"""The workflows under test, made through the Management API as a product team would."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from commands.dev.client import DevStack
from domain.kit.json_types import JsonObject
from tests.support.steps import delay_step, email_step, feed_step, with_template, workflow

IN_APP = "chaos-in-app"
MIXED = "chaos-mixed"
EMAIL = "chaos-email"
CANCELLABLE = "chaos-cancellable"

SHORT_DELAY, LONG_DELAY = 4, 9
DELAY_REF = "delay_1"
SUBJECT_PREFIX = "chaos"


_IN_APP = feed_step("Number **{{ data.number }}** for {{ recipient.name }}", "in_app_1")
_EMAIL = with_template(
    email_step(SUBJECT_PREFIX + " {{ data.number }} {{ recipient.id }}"),
    html_body="<p>Number {{ data.number }} for {{ recipient.name }}</p>",
    text_body=None,
    settings={"layout_key": "default"},
)

STEPS: dict[str, list[JsonObject]] = {
    IN_APP: [_IN_APP],
    MIXED: [_IN_APP, delay_step(DELAY_REF, seconds=SHORT_DELAY), _EMAIL],
    EMAIL: [_EMAIL],
    CANCELLABLE: [delay_step(DELAY_REF, seconds=LONG_DELAY), _IN_APP, _EMAIL],
}


def message_steps(workflow_key: str) -> list[str]:
    """Return the refs of the steps that make a message."""
    return [step["ref"] for step in STEPS[workflow_key] if step["type"] == "channel"]


async def publish_workflows(stack: DevStack, documents: Mapping[str, JsonObject]) -> None:
    """Create workflows in the development environment and commit them: ours, and some more."""
    ours = {key: workflow(key, *steps) for key, steps in STEPS.items()}
    headers = {"Authorization": f"Bearer {stack.service_token}"}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30.0) as client:
        for key, document in {**ours, **documents}.items():
            answer = await client.put(
                f"/v1/workflows/{key}",
                params={"environment": "development", "commit": "true"},
                json={"workflow": document},
            )
            answer.raise_for_status()
            activated = await client.put(
                f"/v1/workflows/{key}/activate",
                params={"environment": "development"},
                json={"status": True},
            )
            activated.raise_for_status()

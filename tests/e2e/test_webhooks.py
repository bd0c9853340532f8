"""An endpoint is told what happens, on a whole stack."""

from __future__ import annotations

import httpx
from knockapi import Knock

from commands.dev.client import DevStack
from tests.support.management import Management
from tests.support.steps import feed_step
from tests.support.waiting import soon
from tests.support.webhook_target import Call, Target
from tests.support.webhooks import is_signed

PATH = "/told"


async def test_an_endpoint_is_told(
    knock: Knock, management: Management, stack: DevStack, target: Target, user_id: str
) -> None:
    """It hears of messages and runs, signed, tries again included, as the SDK shows them."""
    management.save_workflow("e2e-told", feed_step())
    types = ["message.delivered", "message.read", "workflow_recipient_run.completed"]
    headers = {"authorization": f"Bearer {stack.service_token}"}
    target.scripts[PATH] = [500]
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers) as admin:
        body = {"url": f"{target.url}{PATH}", "event_types": types}
        made = (await admin.post("/v1/admin/webhooks", json=body)).json()["webhook"]
        try:
            knock.workflows.trigger("e2e-told", recipients=[{"id": user_id}])

            async def of(event_type: str) -> Call | None:
                for call in target.to(PATH)[1:]:
                    if call.json["type"] == event_type:
                        return call
                return None

            delivered = await soon(lambda: of("message.delivered"))
            completed = await soon(lambda: of("workflow_recipient_run.completed"))
            message_id = delivered.json["data"]["id"]
            knock.messages.mark_as_read(message_id)
            read = await soon(lambda: of("message.read"))
        finally:
            await admin.delete(f"/v1/admin/webhooks/{made['id']}")

    assert all(is_signed(call, made["signing_key"]) for call in target.to(PATH))
    assert delivered.json["data"]["recipient"] == user_id
    assert completed.json["data"]["workflow"] == "e2e-told"
    assert read.json["data"]["read_at"] is not None
    assert read.json["data"]["id"] == knock.messages.get(message_id).id

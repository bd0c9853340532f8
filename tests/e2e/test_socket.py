"""The socket of a page, on a whole stack."""

from __future__ import annotations

import os
import signal

from knockapi import Knock

from commands.dev.client import DevStack
from tests.support.management import Management
from tests.support.sockets import open_page
from tests.support.steps import feed_step


async def test_a_page_hears_of_its_feed(
    stack: DevStack, knock: Knock, browser: Knock, management: Management, user_id: str
) -> None:
    """Also of what is made after the worker was killed, by the one that takes its place."""
    management.save_workflow("e2e-socket", feed_step("Hi"))
    channel = stack.channels["in_app_feed"].id
    key = stack.environments["development"].public_key
    async with open_page(stack.api_url, key) as page:
        await page.join(f"feeds:{channel}:{user_id}", {"a": {"mode": "compact"}})
        for number in (1, 2):
            knock.workflows.trigger("e2e-socket", recipients=[{"id": user_id}])
            told = await page.event(patience=100)
            assert told[3] == "new-message"
            assert told[4]["data"]["a"]["metadata"]["unread_count"] == number
            assert len(browser.users.feeds.list_items(user_id, channel).entries) == number
            if number == 1:
                os.kill(stack.pids.workers[0], signal.SIGKILL)

"""Stop a worker and Temporal for seconds beside slow sends: nothing dies, so nothing is sent twice.

A process that stalls looks dead to everybody else, and comes back in the middle of what it did.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

import httpx

from commands.dev.client import DevStack
from tests.chaos import rows
from tests.chaos.slow import Calls, slow_servers
from tests.chaos.stack import Product
from tests.support.steps import channel_step, email_step

_KEY = "chaos-slow"
_PEOPLE = 8
# Longer than a worker stands still, so that it comes back before its provider answers.
_ANSWER_SECONDS = 20.0
_WORKER_SECONDS = 15.0
_TEMPORAL_SECONDS = 12.0
_LONGEST_SECONDS = 90.0
_DELIVERED = """
SELECT count(*) AS count FROM messages
WHERE workflow_key = %s AND delivery_status IN ('sent', 'delivered')
"""


async def stall(product: Product, say: Callable[[str], None]) -> list[str]:
    """Stop processes in the middle of slow sends; answers one line for each broken promise."""
    stack = product.described
    async with slow_servers(_ANSWER_SECONDS) as (url, port, accounts):
        await _publish(stack, url, port)
        await _trigger(stack)
        await _until_all_are_called(accounts)
        say(f"All of {2 * _PEOPLE} slow sends are under way; a worker and Temporal stand still …")
        await asyncio.gather(
            _stand_still(product, "worker-1", _WORKER_SECONDS),
            _stand_still(product, "temporal", _TEMPORAL_SECONDS),
        )
        async with asyncio.timeout(_LONGEST_SECONDS):
            while (done := await _delivered(stack)) < 2 * _PEOPLE:
                await asyncio.sleep(0.5)
    say(f"{done} slow messages were delivered.")
    return [line for name, calls in accounts.items() for line in calls.problems(name)]


async def _delivered(stack: DevStack) -> int:
    return int((await rows.fetch(stack.database_url, _DELIVERED, _KEY))[0]["count"])


async def _until_all_are_called(accounts: dict[str, Calls]) -> None:
    async with asyncio.timeout(_LONGEST_SECONDS):
        while any(len(calls.sends) < _PEOPLE for calls in accounts.values()):
            await asyncio.sleep(0.05)


async def _stand_still(product: Product, part: str, seconds: float) -> None:
    pid = product.pid_of(part)
    assert pid is not None, f"{part} is not there"
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _publish(stack: DevStack, url: str, port: int) -> None:
    """Set up a channel to the slow mail server, and a workflow that calls both servers."""
    hook = {"method": "post", "url": url, "body": "{}"}
    steps = [
        channel_step("webhook", "http", template=hook),
        email_step("slow", "mail", channel_key="slow-smtp"),
    ]
    headers = {"Authorization": f"Bearer {stack.service_token}"}
    development = {"environment": "development"}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30.0) as client:
        for path, parameters, body in (
            (
                "admin/channels/slow-smtp",
                {},
                {"name": "Slow", "type": "email", "provider": "smtp"},
            ),
            (
                "admin/channels/slow-smtp/environments/development",
                {},
                {
                    "channel_settings": {"from_address": "slow@example.com"},
                    "provider_settings": {"url": f"smtp://127.0.0.1:{port}"},
                },
            ),
            (
                f"workflows/{_KEY}",
                {**development, "commit": "true"},
                {"workflow": {"name": _KEY, "steps": steps}},
            ),
            (f"workflows/{_KEY}/activate", development, {"status": True}),
        ):
            answer = await client.put(f"/v1/{path}", params=parameters, json=body)
            assert answer.is_success, answer.text


async def _trigger(stack: DevStack) -> None:
    people = [{"id": f"slow-{n}", "email": f"slow-{n}@example.com"} for n in range(_PEOPLE)]
    key = stack.environments["development"].secret_key
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": _KEY}
    async with httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30.0) as client:
        answer = await client.post(
            f"/v1/workflows/{_KEY}/trigger", json={"recipients": people, "data": {"number": -1}}
        )
        answer.raise_for_status()

"""The sandbox providers, by the contract and by their rehearsed failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Bounced, Delivery, DeliveryFailure, Refused, Retry
from providers.sandbox import SandboxChat, SandboxEmail, SandboxPush, SandboxSms
from tests.providers.contract import MESSAGE_ID, ProviderContract, Rig, open_context

CONTENTS = {
    ChannelType.EMAIL: {"to": "ada@example.com", "subject_line": "Hello"},
    ChannelType.SMS: {"to": "+15550001111", "body": "Hello", "overrides": {}},
    ChannelType.PUSH: {"title": "Hello", "body": "You", "silent": False, "overrides": {}},
    ChannelType.CHAT: {"summary": None, "markdown": "Hello", "json_content": None},
}
CLASSES = (SandboxEmail, SandboxSms, SandboxPush, SandboxChat)


def _no_network(request: httpx.Request) -> httpx.Response:
    raise AssertionError("the sandbox called out")


class TestSandbox(ProviderContract):
    """The contract, once for each channel type."""

    @pytest.fixture(params=CLASSES)
    async def rig(self, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
        """Bring a sandbox whose HTTP client fails when it is used."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(_no_network))
        async with open_context(client=client) as context:
            provider = request.param(context)
            delivery = Delivery(
                message_id=MESSAGE_ID,
                channel_type=provider.channel_type,
                content=CONTENTS[provider.channel_type],
                settings={"fail": None},
                recipient_id="ada",
            )
            failing = replace(delivery, settings={"fail": "refuse"})
            wrong = {"fail": "sometimes"}
            yield Rig(provider, delivery, failing, wrong, has_network=False)

    async def test_message_can_be_read_back_from_the_log(self, rig: Rig) -> None:
        """The log entry holds the rendered content as the request's body."""
        outcome = await rig.provider.send(rig.delivery)
        assert outcome.exchange is not None
        assert outcome.exchange.request["body"] == rig.delivery.content
        assert outcome.external_id == f"sandbox-{MESSAGE_ID}"

    @pytest.mark.parametrize(
        ("fail", "failure"), [("retry", Retry), ("refuse", Refused), ("bounce", Bounced)]
    )
    async def test_failures_can_be_rehearsed(
        self, rig: Rig, fail: str, failure: type[DeliveryFailure]
    ) -> None:
        """The setting `fail` makes every message fail in the way it names."""
        with pytest.raises(DeliveryFailure) as caught:
            await rig.provider.send(replace(rig.delivery, settings={"fail": fail}))
        assert type(caught.value) is failure

"""What every provider promises; a provider's tests inherit it and bring a `rig`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx
import pytest

from domain.deliveries.delivery import (
    Delivery,
    DeliveryFailure,
    Exchange,
    Misconfigured,
    Outcome,
    Retry,
)
from domain.kit.json_types import JsonObject
from domain.kit.storable import storable_json
from domain.messages.statuses import DeliveryStatus
from outbound.egress import EgressPolicy, Guard
from outbound.transport import guarded_client
from providers.base import Provider, ProviderContext, Timeouts
from providers.registry import load_provider, obfuscate
from providers.secrets import secret_values

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MESSAGE_ID = "0195c0de-0000-8000-8000-000000000001"


@dataclass(slots=True)
class Rig:
    """A provider with the outside world it talks to.

    Attributes:
        provider: the one under test.
        delivery: one that the world takes.
        failing: one that the world does not take.
        bad_settings: settings that cannot work.
        secrets: values that no log may show.
        hostile: deliveries that the world answers as nobody should.
        has_network: whether the provider calls anybody at all.
    """

    provider: Provider
    delivery: Delivery
    failing: Delivery
    bad_settings: JsonObject
    secrets: list[str] = field(default_factory=list)
    hostile: list[Delivery] = field(default_factory=list)
    has_network: bool = True


@asynccontextmanager
async def open_context(
    *,
    client: httpx.AsyncClient | None = None,
    timeout: float = 5.0,
    policy: EgressPolicy | None = None,
) -> AsyncIterator[ProviderContext]:
    """Make what providers share: a client that may reach loopback, and a fixed clock."""
    async with client or guarded_client(EgressPolicy(allow_private=True)) as http:
        timeouts = Timeouts(connect=timeout, answer=timeout, webhook=timeout)
        guard = Guard(policy or EgressPolicy(allow_private=True))
        yield ProviderContext(http=http, timeouts=timeouts, clock=lambda: NOW, guard=guard)


class ProviderContract:
    """The rules of the `Provider` protocol; subclasses define the fixture `rig`."""

    async def test_is_registered_under_its_id(self, rig: Rig) -> None:
        """A provider is found in the registry by the id that it carries."""
        assert load_provider(rig.provider.id) is type(rig.provider)
        assert rig.provider.channel_type is rig.delivery.channel_type

    async def test_accepted_message_is_sent_or_delivered_with_a_log_entry(self, rig: Rig) -> None:
        """A message that was taken is `sent` or `delivered` and its exchange has Knock's shape."""
        outcome = await rig.provider.send(rig.delivery)
        assert outcome.status in {DeliveryStatus.SENT, DeliveryStatus.DELIVERED}
        assert outcome.exchange is not None
        assert_exchange(outcome.exchange)

    async def test_external_id_is_the_same_at_every_attempt(self, rig: Rig) -> None:
        """Sending a message again names it to the vendor as before."""
        first = await rig.provider.send(rig.delivery)
        second = await rig.provider.send(replace(rig.delivery, attempt=2))
        assert first.external_id == second.external_id

    async def test_failure_carries_its_exchange_and_no_secret(self, rig: Rig) -> None:
        """A message that was not taken raises a DeliveryFailure that can be logged as it is."""
        with pytest.raises(DeliveryFailure) as caught:
            await rig.provider.send(rig.failing)
        assert caught.value.exchange is not None
        assert_exchange(caught.value.exchange)
        for secret in rig.secrets:
            assert secret not in caught.value.reason
            assert secret not in json.dumps(logged(caught.value.exchange))

    async def test_log_entry_shows_no_secret(self, rig: Rig) -> None:
        """No secret of the settings or of the request's headers reaches the delivery log."""
        outcome = await rig.provider.send(rig.delivery)
        assert outcome.exchange is not None
        text = json.dumps(logged(outcome.exchange))
        assert [secret for secret in rig.secrets if secret in text] == []

    async def test_hostile_answers_can_be_recorded(self, rig: Rig) -> None:
        """Whatever is answered, the attempt ends in something that the database takes."""
        for delivery in rig.hostile:
            ended: Outcome | DeliveryFailure
            try:
                ended = await rig.provider.send(delivery)
            except DeliveryFailure as failure:
                ended = failure
            assert ended.exchange is not None
            assert_exchange(ended.exchange)
            assert storable_json(str(ended)) == str(ended)

    async def test_private_addresses_are_not_reached_unasked(self, rig: Rig) -> None:
        """The world of the tests is on loopback: without leave no provider gets through to it."""
        policy = EgressPolicy()
        async with open_context(client=guarded_client(policy), policy=policy) as context:
            provider = type(rig.provider)(context)
            if rig.has_network:
                with pytest.raises(DeliveryFailure) as caught:
                    await provider.send(rig.delivery)
                assert not isinstance(caught.value, Retry)
            await provider.aclose()

    async def test_wrong_settings_are_an_operators_task(self, rig: Rig) -> None:
        """Settings that cannot work raise Misconfigured without quoting what was set."""
        with pytest.raises(Misconfigured) as caught:
            await rig.provider.send(replace(rig.delivery, settings=rig.bad_settings))
        for value in rig.bad_settings.values():
            assert not isinstance(value, str) or not value or value not in caught.value.reason

    async def test_settings_ignore_what_they_do_not_know(self, rig: Rig) -> None:
        """Unknown settings, of Knock or of a later version, do no harm."""
        known = rig.provider.Settings.model_validate(rig.delivery.settings)
        extended = {**rig.delivery.settings, "a_setting_of_later": True}
        assert rig.provider.Settings.model_validate(extended) == known

    async def test_settings_keep_secrets_out_of_their_text(self, rig: Rig) -> None:
        """Printing the settings, as a log or a traceback may, shows no secret; no answer does."""
        settings = rig.provider.Settings.model_validate(rig.delivery.settings)
        shown = repr(settings) + json.dumps(obfuscate(rig.provider.id, rig.delivery.settings))
        assert [secret for secret in secret_values(settings) if secret in shown] == []


def logged(exchange: Exchange) -> JsonObject:
    """Return what the delivery log stores of an exchange."""
    return {"request": exchange.request, "response": exchange.response}


def assert_exchange(exchange: Exchange) -> None:
    """Check the shape of a delivery log entry (Knock API reference, MessageDeliveryLog)."""
    assert storable_json(logged(exchange)) == logged(exchange)
    request = exchange.request
    assert set(request) == {"method", "host", "path", "query", "headers", "body"}
    assert request["method"] in {"GET", "POST", "PUT", "DELETE", "PATCH"}
    assert isinstance(request["body"], (str, dict))
    assert request["host"]
    if exchange.response is not None:
        assert set(exchange.response) == {"status", "headers", "body"}
        assert isinstance(exchange.response["body"], (str, dict))

"""The signing key of a webhook channel, which sees the run whose message it signs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from domain.kit.json_types import JsonObject
from services.attempts import TryAgain
from services.channels.sealing import seal_provider_settings
from tests.support.deliveries import log_of
from tests.support.steps import webhook_step
from tests.support.webhook_target import Call, Target, listening_target
from tests.support.webhooks import open_to_loopback
from tests.support.world import World, channel_step

KEY = "a-key-of-ann-alone"
OF_RECIPIENT = "{{ recipient.webhook_signing_key }}"


@pytest.fixture
async def near(world: World) -> AsyncIterator[World]:
    """Look at the environment as a process that reaches servers on this machine."""
    opened = open_to_loopback(world)
    yield opened
    await opened.engine.providers.close()


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """Run the endpoint of a customer."""
    async with listening_target() as listening:
        yield listening


async def hook(world: World, signing_key: Any, **settings: Any) -> str:
    """Make a webhook channel that signs with this key, and return its name."""
    key = f"hook-{uuid4().hex[:6]}"
    await world.channel("http", key, secrets={"signing_key": signing_key}, **settings)
    return key


async def send(world: World, key: str, target: Target, **recipient: Any) -> str:
    """Send a webhook to somebody, then a feed item; return the run."""
    run_id, _ = await world.send(
        webhook_step(key),
        channel_step("feed"),
        recipients=[{"id": "ann", **recipient}],
        data={"url": f"{target.url}/hook", "note": ""},
    )
    return run_id


async def delivered(world: World, run_id: str, target: Target) -> Call:
    """Deliver the webhook of a run, and return what its endpoint got."""
    made = {row["step_ref"]: row for row in await world.messages(run_id)}
    assert await world.deliver(made["webhook_1"]["id"]) == "delivered"
    (call,) = target.to("/hook")
    return call


async def test_the_key_is_the_recipients(near: World, target: Target) -> None:
    """Each recipient's requests are signed with their own; it is kept sealed, and in no log."""
    run_id = await send(near, await hook(near, OF_RECIPIENT), target, webhook_signing_key=KEY)
    call = await delivered(near, run_id, target)
    assert call.is_signed_with(KEY)
    (_feed, message) = await near.messages(run_id)
    assert KEY not in str(message["content"])
    assert KEY not in str(await log_of(near, message["id"]))


async def test_a_value_is_no_template(near: World, target: Target) -> None:
    """What a recipient says is taken as it is, whatever it looks like."""
    sly = "{{ vars.branding }}"
    run_id = await send(near, await hook(near, OF_RECIPIENT), target, webhook_signing_key=sly)
    assert (await delivered(near, run_id, target)).is_signed_with(sly)


@pytest.mark.parametrize("empty", [OF_RECIPIENT, "", " ", "{{ vars.nothing_of_the_kind }}"])
async def test_an_empty_key_skips_the_step(near: World, target: Target, empty: str) -> None:
    """Nothing is sent unsigned, and the run goes on (Knock docs: "Webhook channels")."""
    run_id = await send(near, await hook(near, empty), target)
    assert await near.reason(run_id) == "the signing key is empty"
    assert [row["step_ref"] for row in await near.messages(run_id)] == ["feed"]


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_key_that_is_the_channels(near: World, target: Target, key: str | None) -> None:
    """Without Liquid it is that of the moment, and without a key nothing is signed."""
    named = await hook(near, "before" if key else None)
    run_id = await send(near, named, target, webhook_signing_key="of no meaning")
    if key:
        await change(near, named, {"signing_key": key})
    call = await delivered(near, run_id, target)
    assert call.is_signed_with(key) if key else "x-webhook-signature" not in call.headers


async def test_a_key_that_lost_its_liquid(near: World, target: Target) -> None:
    """An operator who writes a key in its place wins over what the run has said."""
    named = await hook(near, OF_RECIPIENT)
    run_id = await send(near, named, target, webhook_signing_key=KEY)
    await change(near, named, {"signing_key": "plain"})
    assert (await delivered(near, run_id, target)).is_signed_with("plain")


async def test_a_sandbox_asks_for_no_key(near: World, target: Target) -> None:
    """Nobody is called, so nothing has to be signed."""
    run_id = await send(near, await hook(near, OF_RECIPIENT, is_sandbox=True), target)
    statuses = [row["delivery_status"] for row in await near.messages(run_id)]
    assert statuses == ["delivered", "not_sent"]


async def test_a_broken_key_fails_the_step(near: World, target: Target) -> None:
    """As any template that the step renders does, with the setting named."""
    key = await hook(near, "{{ recipient.id | compare_versions: 'x' }}")
    run_id = await send(near, key, target)
    told = [row["data"] for row in await near.events(run_id) if row["data"].get("error")]
    assert told[0]["field"] == "signing_key"


async def test_each_attempt_signs_with_the_same_key(near: World, target: Target) -> None:
    """A retry does not depend on what is stored of the recipient by then."""
    target.scripts["/hook"] = [503, 200]
    run_id = await send(near, await hook(near, OF_RECIPIENT), target, webhook_signing_key=KEY)
    (_feed, message) = await near.messages(run_id)
    with pytest.raises(TryAgain):
        await near.deliver(message["id"])
    await near.identify("ann", webhook_signing_key="another")
    await near.change_delivery(message["id"], "due_at = now()")
    assert await near.deliver(message["id"]) == "delivered"
    assert all(call.is_signed_with(KEY) for call in target.to("/hook"))


async def change(world: World, key: str, settings: JsonObject) -> None:
    """Store other settings of a channel's provider."""
    (channel,) = await world.make.rows("SELECT id FROM channels WHERE key = %s", key)
    owner = (channel["id"], world.environment.id)
    await world.make.rows(
        "UPDATE channel_environments SET provider_settings = %s"
        " WHERE channel_id = %s AND environment_id = %s RETURNING 1",
        seal_provider_settings(world.engine.vault, settings, *owner),
        *owner,
    )

"""Variables in the settings of providers: filled in at each send, and shown by no log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.content.variables import VariableRequest
from domain.kit.json_types import JsonObject
from runtime.vault import Vault
from services.attempts import TryAgain
from services.channels.sealing import seal_provider_settings
from services.channels.variables import fill_in
from services.content import variables
from templating.limits import LiquidError
from tests.providers.servers import HttpServer, Sink, accept_login, reply, serving, smtp_sink
from tests.support.account import VAULT_KEY, Account
from tests.support.deliveries import log_of
from tests.support.steps import channel_step, webhook_step
from tests.support.webhook_target import listening_target
from tests.support.world import World

SECRET = "sk-s3cret/value"
FROM = {"from_address": "hello@{{ vars.domain }}"}


@pytest.fixture
async def world(account: Account) -> AsyncIterator[World]:
    """Look at an environment of an account of its own, which reaches servers on this machine."""
    found = await account.world()
    settings = found.engine.settings.model_copy(update={"allow_private_egress": True})
    near = found.with_parts(settings=settings)
    await _variable(near, "domain", "acme.example")
    yield near
    await near.engine.providers.close()


async def _variable(world: World, key: str, value: Any, *, secret: bool = False) -> None:
    kind = "secret" if secret else "public"
    wanted = VariableRequest.model_validate({"type": kind, "value": value})
    await variables.put_variable(world.engine, key, wanted)


async def _mail(world: World, provider: str, secrets: JsonObject) -> UUID:
    """Make an e-mail on a channel with these settings."""
    key = f"own-{uuid4().hex[:6]}"
    await world.channel("email", key, provider=provider, secrets=secrets, channel_settings=FROM)
    run_id, _ = await world.send(channel_step("mail", "email", channel_key=key))
    (message,) = await world.messages(run_id)
    return UUID(str(message["id"]))


async def test_a_mail_server_is_named_by_variables(world: World) -> None:
    """Host, port, login and sender: the server gets the values."""
    await _variable(world, "smtp", '{"host": "127.0.0.1", "user": "acme"}')
    await _variable(world, "smtp_password", SECRET, secret=True)
    settings = {
        "host": "{{ vars.smtp.host }}",
        "port": "{{ vars.smtp_port }}",
        "username": "{{ vars.smtp.user }}",
        "password": "{{ vars.smtp_password }}",
        "security": "none",
    }
    sink = Sink()
    login = accept_login("acme", SECRET)
    options = {"authenticator": login, "auth_require_tls": False, "auth_required": True}
    async with smtp_sink(sink, **options) as port:
        await _variable(world, "smtp_port", str(port))
        message_id = await _mail(world, "smtp", settings)
        assert await world.deliver(message_id) == "sent"
    assert sink.envelopes[0].mail_from == "hello@acme.example"


async def test_a_secret_is_in_no_log(world: World) -> None:
    """Wherever a setting has put it, and whoever sends it back."""
    await _variable(world, "token", SECRET, secret=True)
    settings = {"api_key": "{{ vars.token }}", "domain": "mg.acme.example"}
    async with serving(HttpServer({})) as server:
        base = f"{server.url}/{{{{ vars.token }}}}"
        path = f"/{SECRET}/v3/mg.acme.example/messages"
        server.replies[path] = reply(400, f'{{"message": "bad {SECRET}"}}'.encode())
        message_id = await _mail(world, "mailgun", {**settings, "base_url": base})
        assert await world.deliver(message_id) == "undelivered"
    (got,) = server.seen
    assert got.target == path
    (line,) = await log_of(world, message_id)
    assert "redacted" in str(line["request"]["path"])
    for kept in (line, await world.message(message_id), await world.message_events(message_id)):
        assert SECRET not in str(kept)


async def test_the_value_of_the_moment_counts(world: World) -> None:
    """A message that waits is sent with what the variable says then."""
    await _variable(world, "fail", "retry")
    message_id = await _mail(world, "sandbox_email", {"fail": "{{ vars.fail }}"})
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    await _variable(world, "fail", "bounce")
    await world.change_delivery(message_id, "due_at = now()")
    assert await world.deliver(message_id) == "bounced"


async def test_a_key_of_variables_alone_is_that_of_the_moment(world: World) -> None:
    """The signing key of a webhook sees the run, but stays a setting: it can be rotated."""
    await _variable(world, "key", "first")
    key = f"hook-{uuid4().hex[:6]}"
    await world.channel("http", key, secrets={"signing_key": "{{ vars.key }}"})
    async with listening_target() as target:
        run_id, _ = await world.send(webhook_step(key), data={"url": target.url, "note": ""})
        await _variable(world, "key", "second")
        (message,) = await world.messages(run_id)
        assert await world.deliver(message["id"]) == "delivered"
        assert target.calls[0].is_signed_with("second")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ vars.none }}", "api_key: renders to nothing"),
        ("{{ vars.domain | compare_versions: 'x' }}", "api_key: "),
    ],
)
async def test_a_setting_that_cannot_be_filled_in_sends_nothing(
    world: World, source: str, said: str
) -> None:
    """The operator is told which one it is."""
    async with serving(HttpServer({})) as server:
        settings = {"api_key": source, "base_url": server.url}
        message_id = await _mail(world, "postmark", settings)
        assert await world.deliver(message_id) == "undelivered"
    assert server.seen == []
    told = [row["data"] for row in await world.message_events(message_id)]
    assert f"The channel's settings are wrong: {said}" in str(told)


async def test_a_secret_whose_key_is_missing_holds_the_message(
    world: World, account: Account
) -> None:
    """It waits for the key and uses up no attempt."""
    await _variable(world, "token", SECRET, secret=True)
    message_id = await _mail(world, "sandbox_email", {"fail": "{{ vars.token }}"})
    # What only the variable was sealed with is taken away: the channel is sealed with another key.
    other = Vault(["another-key-that-is-long-enough", VAULT_KEY])
    stranger = world.with_parts(vault=other)
    await _reseal_channel(stranger, message_id)
    without = world.with_parts(vault=Vault(["another-key-that-is-long-enough"]))
    with pytest.raises(TryAgain):
        await without.deliver(message_id)
    delivery = await world.delivery(message_id)
    assert delivery is not None
    assert delivery["attempts"] == 0


async def _reseal_channel(world: World, message_id: UUID) -> None:
    message = await world.message(message_id)
    owner = (message["channel_id"], world.environment.id)
    sealed = seal_provider_settings(world.engine.vault, {"fail": "{{ vars.token }}"}, *owner)
    await world.make.rows(
        "UPDATE channel_environments SET provider_settings = %s"
        " WHERE channel_id = %s AND environment_id = %s RETURNING 1",
        sealed,
        *owner,
    )


async def test_settings_of_any_depth(world: World) -> None:
    """Members of objects and lists; what is no text stays, and an object becomes JSON."""
    await _variable(world, "account", '{"id": 7}')
    settings = {"hosts": ["*.{{ vars.domain }}"], "deep": {"a": "{{ vars.account }}", "n": 5}}
    filled = await fill_in(world.engine, world.environment.id, settings)
    assert filled.settings == {"hosts": ["*.acme.example"], "deep": {"a": '{"id":7}', "n": 5}}
    plain = await fill_in(world.engine, world.environment.id, {"a": "{no liquid}"})
    assert plain.settings == {"a": "{no liquid}"}
    with pytest.raises(LiquidError, match=r"hosts\[0\]"):
        await fill_in(world.engine, world.environment.id, {"hosts": ["{{ vars.none }}"]})

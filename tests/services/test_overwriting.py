"""A secret that this process cannot read is not written over by mistake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import uuid4

import pytest

from domain.agents.model_providers import ModelProviderRequest
from domain.channels.requests import ChannelSettingsRequest
from domain.content.variables import VariableRequest
from domain.kit.errors import Unprocessable
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.sources.requests import SourceIn
from domain.sources.verification import VerificationIn
from runtime.vault import Vault
from services.account.environments import get_scope
from services.agents.model_providers import put_provider
from services.channels.channels import put_channel_settings
from services.content.variables import put_variable
from services.engine import Engine
from services.overwriting import keep_unreadable
from services.sources.sources import put_source, put_verification
from tests.support.account import VAULT_KEY, Account

Write: TypeAlias = Callable[..., Awaitable[object]]

_VARIABLE = f"v_{uuid4().hex[:12]}"
_OTHER_KEY = "another-key-that-is-long-enough"
_OTHER = Vault([_OTHER_KEY])


async def _channel(engine: Engine, **more: Any) -> None:
    settings = {"provider_settings": {"url": "smtp://mail.example.com"}, **more}
    wanted = read_shape(ChannelSettingsRequest, settings)
    await put_channel_settings(engine, await get_scope(engine, "production"), "smtp", wanted)


async def _webhook(engine: Engine, **more: Any) -> None:
    document = {"channel_settings": {"url": "https://example.com"}, "provider_settings": {}, **more}
    wanted = read_shape(ChannelSettingsRequest, document)
    await put_channel_settings(engine, await get_scope(engine, "production"), "webhook", wanted)


async def _model_provider(engine: Engine, **more: Any) -> None:
    wanted = read_shape(ModelProviderRequest, {"adapter": "openai", "api_key": "sk-1", **more})
    await put_provider(engine, await get_scope(engine, "production"), "openai", wanted)


async def _variable(engine: Engine, **more: Any) -> None:
    wanted = read_shape(VariableRequest, {"type": "secret", "value": "s", **more})
    await put_variable(engine, _VARIABLE, wanted)


async def _own_variable(engine: Engine, **more: Any) -> None:
    own: JsonObject = {"environment_values": {"production": "own"}}
    wanted = read_shape(VariableRequest, {"type": "secret", **own, **more})
    await put_variable(engine, f"{_VARIABLE}_own", wanted)


async def _source(engine: Engine, **more: Any) -> None:
    settings = {"production": {"settings": {}, "mappings": []}}
    wanted = read_shape(SourceIn, {"name": "Shop", "environment_settings": settings})
    await put_source(engine, "shop", wanted)
    proof = read_shape(VerificationIn, {"scheme": "token", "secret": "north", **more})
    await put_verification(engine, await get_scope(engine, "production"), "shop", proof)


@pytest.mark.parametrize(
    "write", [_channel, _webhook, _model_provider, _variable, _own_variable, _source]
)
async def test_what_another_key_has_sealed_is_kept(account: Account, write: Write) -> None:
    """A command with the wrong key would lose it, and write what nobody else can read."""
    own, elsewhere = account.engine, replace(account.engine, vault=_OTHER)
    await write(own)
    with pytest.raises(Unprocessable, match="CARILLON_SECRET_KEY") as refused:
        await write(elsewhere)
    assert refused.value.code == "sealed_with_other_key"
    await write(own)
    await write(elsewhere, replace_unreadable=True)
    with pytest.raises(Unprocessable):
        await write(own)
    await write(replace(own, vault=Vault([VAULT_KEY, _OTHER_KEY])))


def test_what_no_key_ever_opens_may_be_written_over() -> None:
    """It was damaged, so there is nothing to keep."""
    damaged = b"x"
    assert _OTHER.missing_key(damaged) is None
    keep_unreadable(_OTHER, damaged, "a channel", replace=False)

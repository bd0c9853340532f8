"""Providers of language models in an environment; their keys are sealed like credentials."""

from __future__ import annotations

from uuid import UUID

from domain.agents.model_providers import ModelProvider, ModelProviderRequest, is_provider_name
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from models.queries.agents import model_providers as queries
from providers.registry import MASK
from runtime.vault import Vault
from services.engine import Engine
from services.overwriting import keep_unreadable

# What an answer has in the place of a key.
SHOWN_KEY = MASK


async def list_providers(
    engine: Engine, environment: EnvironmentScope, request: PageRequest
) -> Page[ModelProvider]:
    """Return a page of the providers of an environment by name."""
    async with engine.connection() as connection:
        return await queries.list_providers(connection, environment.id, request)


async def put_provider(
    engine: Engine, environment: EnvironmentScope, name: str, wanted: ModelProviderRequest
) -> ModelProvider:
    """Set how the models of a name are reached.

    Raises:
        InvalidParams: the name is none, or there is no key.
        Unprocessable: `sealed_with_other_key`.
    """
    if not is_provider_name(name):
        raise InvalidParams.of("name", "must be 1 to 63 characters of a-z, 0-9, _ and -")
    async with engine.unit() as unit:
        before = await queries.get_provider(unit.connection, environment.id, name, lock=True)
        is_kept = wanted.api_key is None or wanted.api_key == MASK
        if is_kept and before is None:
            if wanted.api_key is not None:
                raise InvalidParams.of("api_key", "is a masked value, but no value is stored")
            raise InvalidParams.of("api_key", "is required")
        sealed = before.sealed if before is not None else b""
        if not is_kept:
            what = f"the model provider {name}"
            keep_unreadable(engine.vault, sealed, what, replace=wanted.replace_unreadable)
            place = _place(environment.id, name)
            sealed = engine.vault.seal({"api_key": wanted.api_key}, place)
        provider = ModelProvider(
            name=name,
            environment_id=environment.id,
            adapter=wanted.adapter,
            base_url=wanted.base_url,
            sealed=sealed,
            inserted_at=before.inserted_at if before else unit.now,
            updated_at=unit.now,
        )
        await queries.upsert_provider(unit.connection, provider)
    return provider


async def delete_provider(engine: Engine, environment: EnvironmentScope, name: str) -> None:
    """Forget a provider; steps that ask its models fail from then on. Raises NotFound."""
    async with engine.unit() as unit:
        if not await queries.delete_provider(unit.connection, environment.id, name):
            raise NotFound(f"The model provider {name[:255]!r} does not exist.")


def open_key(vault: Vault, provider: ModelProvider) -> str:
    """Return the key of a provider. Raises UnknownKey and BrokenSeal."""
    opened = vault.open(provider.sealed, _place(provider.environment_id, provider.name))
    return str(opened["api_key"])


def _place(environment_id: UUID, name: str) -> str:
    return f"model_provider/{name}/{environment_id}"

"""The providers of this process, each made at its first use and kept with its connections."""

from __future__ import annotations

from providers.base import Provider, ProviderContext
from providers.egress import EgressPolicy, guarded_client
from providers.registry import load_provider
from runtime.platform import Platform

_OWNER = "providers"
_CONTEXT = "provider_context"


def provider_of(platform: Platform, provider_id: str) -> Provider:
    """Return this process's instance of a provider. Raises InvalidParams for an unknown id."""
    providers: dict[str, Provider] = platform.memory.setdefault(_OWNER, {})
    if provider_id not in providers:
        providers[provider_id] = load_provider(provider_id)(_context(platform))
    return providers[provider_id]


def _context(platform: Platform) -> ProviderContext:
    context: ProviderContext | None = platform.memory.get(_CONTEXT)
    if context is None:
        client = guarded_client(EgressPolicy(allow_private=platform.settings.allow_private_egress))
        context = platform.memory[_CONTEXT] = ProviderContext(http=client)
    return context


async def close_providers(platform: Platform) -> None:
    """Close every connection that providers hold."""
    for provider in platform.memory.pop(_OWNER, {}).values():
        await provider.aclose()
    context: ProviderContext | None = platform.memory.pop(_CONTEXT, None)
    if context is not None:
        await context.http.aclose()

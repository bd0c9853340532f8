"""The providers of this process, each made at its first use and kept with its connections."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from providers.base import Provider, ProviderContext
from providers.egress import EgressPolicy, Guard, guarded_client
from providers.registry import load_provider
from runtime.platform import Platform
from runtime.settings import Settings

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
        settings = platform.settings
        policy = EgressPolicy(allow_private=settings.allow_private_egress)
        context = platform.memory[_CONTEXT] = ProviderContext(
            http=guarded_client(policy),
            guard=Guard(replace(policy, trusted_hosts=_mail_relays(settings))),
        )
    return context


def _mail_relays(settings: Settings) -> frozenset[str]:
    """Name the mail servers that the operator vouches for, who may be on a private network."""
    own = urlsplit(settings.smtp_url or "").hostname
    return frozenset(filter(None, (*settings.mail_relays, own)))


async def close_providers(platform: Platform) -> None:
    """Close every connection that providers hold."""
    for provider in platform.memory.pop(_OWNER, {}).values():
        await provider.aclose()
    context: ProviderContext | None = platform.memory.pop(_CONTEXT, None)
    if context is not None:
        await context.http.aclose()

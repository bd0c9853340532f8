"""The providers of a process, each made at its first use and kept with its connections."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from outbound.egress import EgressPolicy, Guard
from outbound.transport import guarded_client
from providers.base import Provider, ProviderContext
from providers.registry import load_provider
from runtime.settings import Settings


class ProviderPool:
    """Makes providers, and closes them with the process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context: ProviderContext | None = None
        self._providers: dict[str, Provider] = {}

    def provider(self, provider_id: str) -> Provider:
        """Return this process's instance of a provider. Raises InvalidParams for an unknown id."""
        if provider_id not in self._providers:
            self._providers[provider_id] = load_provider(provider_id)(self.context())
        return self._providers[provider_id]

    def install(self, provider_id: str, provider: Provider) -> None:
        """Put a provider in the place of the one that its id would load."""
        self._providers[provider_id] = provider

    def context(self) -> ProviderContext:
        """Return what all providers of this process share."""
        if self._context is None:
            policy = EgressPolicy(allow_private=self._settings.allow_private_egress)
            # Mail servers that the operator vouches for may be on a private network.
            own_relay = urlsplit(self._settings.smtp_url or "").hostname
            relays = frozenset(filter(None, (*self._settings.mail_relays, own_relay)))
            self._context = ProviderContext(
                http=guarded_client(policy), guard=Guard(replace(policy, trusted_hosts=relays))
            )
        return self._context

    async def close(self) -> None:
        """Close every connection that providers hold; the next use opens new ones."""
        providers, self._providers = self._providers, {}
        for provider in providers.values():
            await provider.aclose()
        context, self._context = self._context, None
        if context is not None:
            await context.http.aclose()

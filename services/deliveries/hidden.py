"""Keep what is secret in the settings of a channel out of what is logged of a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from domain.deliveries.delivery import Exchange
from domain.kit.json_types import JsonObject
from outbound.redaction import Redactor


def hidden(exchange: Exchange | None, secrets: Sequence[str]) -> Exchange | None:
    """Blank secret variables in a call; a provider knows only which of its settings are secret."""
    if exchange is None or not secrets:
        return exchange
    redactor, response = Redactor(secrets), exchange.response
    return Exchange(
        exchange.service_name,
        cast(JsonObject, redactor.within(exchange.request)),
        response and cast(JsonObject, redactor.within(response)),
    )

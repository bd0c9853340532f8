"""The call of a provider, within the place that the limits of its server have given it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.deliveries.delivery import DeliveryFailure, Retry
from providers.base import Provider
from runtime.faults import fault_of
from runtime.logs import get_logger
from services.deliveries.limits import Call

_log = get_logger(__name__)


@asynccontextmanager
async def calling(provider: Provider, call: Call, *, seconds: float) -> AsyncIterator[None]:
    """Let a provider be called for some seconds at most, and note whether its server answered.

    Raises:
        DeliveryFailure: what the provider has raised; a Retry where it took too long, or failed by
            a fault of its code.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except DeliveryFailure as failure:
        exchange = failure.exchange
        if isinstance(failure, Retry) and exchange is not None and exchange.response is None:
            call.unanswered()
        elif exchange is not None and exchange.response is not None:
            call.answered()
        raise
    except TimeoutError:
        call.unanswered()
        raise Retry("The provider did not answer in time.") from None
    except Exception as error:
        # A fault of the provider's code. The vendor may have taken a message, so this is an
        # attempt: repeating it without end could send without end.
        fault = fault_of(error)
        _log.error("provider_fault", provider=provider.id, **fault.fields())
        raise Retry(
            f"An internal error occurred while calling the provider ({fault.id})."
        ) from None
    call.answered()

"""One call to the vendor of a workspace, and what may become of it."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from domain.deliveries.delivery import DeliveryFailure
from domain.kit.errors import RateLimited, Unavailable
from outbound.http import Answer, call, parse_retry_after
from providers.base import ProviderContext

# A page of a thousand channels.
_MOST_BYTES = 4 * 1024 * 1024
_ANSWER_SECONDS = 10.0
_TOO_MANY = 429


class WorkspaceRefused(Exception):
    """The vendor does not let us in, or does not take the question; `reason` is its own word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def ask(
    context: ProviderContext,
    request: httpx.Request,
    *,
    service_name: str,
    secrets: Iterable[str],
) -> Answer:
    """Send a request once; whoever waits for the answer looks at a page.

    Raises:
        Unavailable: no answer came, or one of a server that fails.
        RateLimited: the vendor asks us to wait.
    """
    try:
        answer = await call(
            context.http,
            request,
            service_name=service_name,
            timeout=_ANSWER_SECONDS,
            connect=_ANSWER_SECONDS,
            secrets=secrets,
            most_bytes=_MOST_BYTES,
        )
    except DeliveryFailure as failure:
        raise Unavailable(failure.reason) from None
    if answer.status_code == _TOO_MANY:
        wait = parse_retry_after(answer.headers.get("retry-after"), context.clock())
        raise RateLimited(
            f"{service_name} is limiting requests; try again later.",
            retry_after=max(1, round(wait or 1)),
        )
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise Unavailable(f"{service_name} answered {answer.status_code}.")
    return answer

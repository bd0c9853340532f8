"""Knock's rate-limit tiers: requests per second of one operation in one environment.

Buckets live in the memory of one API process, so with several processes the limits apply to each
of them. Off by setting in the embedded stack.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar, cast

from fastapi import Depends, Request

from api.kit.auth import FeedKey, SecretKey
from domain.kit.errors import RateLimited
from domain.kit.principals import Principal
from runtime.settings import Settings

H = TypeVar("H", bound=Hashable)

# What a key may ask of all users together, whose ids a caller can invent.
_TIER_OF_ALL_USERS = 5
# Buckets that were idle for a second are full again, so forgetting those that were used longest ago
# changes nothing, unless half of all were used within a second.
_MAX_BUCKETS = 20_000


class RateLimiter:
    """Token buckets that hold one second's worth of requests."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._is_on = settings.rate_limits
        self._tiers = settings.rate_limit_tiers
        self._now = now
        self._buckets: dict[Hashable, tuple[float, float]] = {}
        # Apart, so that invented users push nobody else's buckets out.
        self._user_buckets: dict[Hashable, tuple[float, float]] = {}
        self._touched: dict[Hashable, float] = {}

    def check(self, key: Hashable, tier: int, user_id: str | None = None) -> None:
        """Take one request of `tier` (1 to 5) from the bucket of `key`, or of one of its users.

        Raises:
            RateLimited: the bucket is empty.
        """
        if not self._is_on:
            return
        if user_id is None:
            self._take(self._buckets, key, tier)
            return
        self._take(self._buckets, key, _TIER_OF_ALL_USERS)
        self._take(self._user_buckets, (key, user_id), tier)

    def _take(self, buckets: dict[Hashable, tuple[float, float]], key: Hashable, tier: int) -> None:
        rate = float(self._tiers[tier - 1])
        now = self._now()
        # Taken out and put back, it stands behind all that were used before.
        tokens, since = buckets.pop(key, (rate, now))
        tokens = min(rate, tokens + (now - since) * rate)
        _forget_some(buckets)
        buckets[key] = (tokens if tokens < 1 else tokens - 1, now)
        if tokens < 1:
            wait = max(1, math.ceil((1 - tokens) / rate))
            raise RateLimited(f"At most {rate:g} requests per second.", retry_after=wait)

    def first_this_second(self, scope: Hashable, ids: Iterable[H]) -> set[H]:
        """Return those of `ids` that were not taken within the last second, and take them."""
        if not self._is_on:
            return set(ids)
        now = self._now()
        free = {one for one in ids if now - self._touched.get((scope, one), -math.inf) >= 1}
        for one in free:
            self._touched.pop((scope, one), None)
        _forget_some(self._touched)
        self._touched.update(dict.fromkeys(((scope, one) for one in free), now))
        return free


def _forget_some(entries: dict[Hashable, Any]) -> None:
    """Keep memory bounded: drop the half that was used longest ago."""
    if len(entries) > _MAX_BUCKETS:
        for key in list(entries)[: _MAX_BUCKETS // 2]:
            del entries[key]


def get_limiter(request: Request) -> RateLimiter:
    """Return the buckets of this process."""
    return cast(RateLimiter, request.app.state.rate_limiter)


def secret_limit(tier: int) -> Any:
    """Make the dependency that limits an operation open to secret keys."""

    async def check(request: Request, principal: SecretKey) -> None:
        _check(request, principal, tier)

    return Depends(check)


def feed_limit(tier: int, *, per_user: bool = False) -> Any:
    """Make the dependency that limits an operation open to public keys.

    It is limited per user if so asked, and where a user token says who calls. All users of an
    environment together have the limit of tier 5.
    """

    async def check(request: Request, principal: FeedKey) -> None:
        user_id = request.path_params.get("user_id") if per_user else None
        if principal.user_token is not None:
            user_id = principal.user_token.user_id
        _check(request, principal, tier, user_id)

    return Depends(check)


def _check(request: Request, principal: Principal, tier: int, user_id: str | None = None) -> None:
    operation = request.scope["route"].unique_id
    get_limiter(request).check((principal.environment.id, operation), tier, user_id)

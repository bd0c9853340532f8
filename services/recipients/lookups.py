"""Fetching what templates look up: render, fetch what was wanted, render again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from uuid import UUID

from domain.recipients.refs import RecipientRef
from models.queries.recipients.recipients import recipients_by_ref
from models.queries.recipients.subscriptions import newest_subscriptions
from runtime.database import Connection
from templating.limits import LiquidError
from templating.liquid.library import NO_LIBRARY, Library
from templating.liquid.lookups import Found, Lookup, Lookups, SubscriptionsOf

T = TypeVar("T")

# Knock docs, "Referencing data": up to 25 of a user's subscriptions. An object may have 256 kB.
_MAX_SUBSCRIPTIONS = 25
_MAX_SUBSCRIPTION_BYTES = 1024 * 1024
# How often one look-up may depend on what another one found.
_MAX_ROUNDS = 4


async def with_lookups(
    connection: Connection,
    environment_id: UUID,
    render: Callable[[Lookups], Awaitable[T]],
    *,
    library: Library = NO_LIBRARY,
) -> T:
    """Render until everything that `user`, `object`, `tenant` and `subscriptions` want is there.

    What an incomplete rendering returned or raised does not count.

    Args:
        connection: for reading.
        environment_id: where.
        render: is called until nothing is missing.
        library: what templates use by name.

    Raises:
        LiquidError: of the complete rendering; or when look-ups depend on each other without end.
    """
    known: dict[Lookup, Found] = {}
    for _ in range(_MAX_ROUNDS):
        lookups = Lookups(known, library)
        try:
            result = await render(lookups)
        except ValueError:
            if not lookups.wanted:
                raise
        else:
            if not lookups.wanted:
                return result
        known.update(await _fetch(connection, environment_id, lookups.wanted))
    raise LiquidError(f"Look-ups may build on each other at most {_MAX_ROUNDS - 1} times.")


async def _fetch(
    connection: Connection, environment_id: UUID, wanted: Iterable[Lookup]
) -> dict[Lookup, Found]:
    """Return everything that is wanted; None for an id that nobody has."""
    refs = [one for one in wanted if isinstance(one, RecipientRef)]
    users = [one.user_id for one in wanted if isinstance(one, SubscriptionsOf)]
    people = await recipients_by_ref(connection, environment_id, refs)
    found: dict[Lookup, Found] = {
        ref: people[ref].variable() if ref in people else None for ref in refs
    }
    if users:
        followed = await newest_subscriptions(
            connection,
            environment_id,
            users,
            limit=_MAX_SUBSCRIPTIONS,
            room=_MAX_SUBSCRIPTION_BYTES,
        )
        for user_id, subscriptions in followed.items():
            found[SubscriptionsOf(user_id)] = [
                {"object": target.variable(), "properties": properties}
                for target, properties in subscriptions
            ]
    return found

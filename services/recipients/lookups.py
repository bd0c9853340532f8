"""Fetching what templates look up: render, fetch what was wanted, render again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from templating.limits import LiquidError
from templating.liquid.lookups import Lookups

T = TypeVar("T")

# How often one look-up may depend on what another one found.
_MAX_ROUNDS = 4


async def with_lookups(
    connection: Connection, environment_id: UUID, render: Callable[[Lookups], Awaitable[T]]
) -> T:
    """Render until everything that the filters `user`, `object` and `tenant` want is there.

    What an incomplete rendering returned or raised does not count.

    Raises:
        LiquidError: of the complete rendering; or when look-ups depend on each other without end.
    """
    known: dict[RecipientRef, JsonObject | None] = {}
    for _ in range(_MAX_ROUNDS):
        lookups = Lookups(known)
        try:
            result = await render(lookups)
        except ValueError:
            if not lookups.wanted:
                raise
        else:
            if not lookups.wanted:
                return result
        found = await recipients_by_ref(connection, environment_id, lookups.wanted)
        for ref in lookups.wanted:
            known[ref] = found[ref].variable() if ref in found else None
    raise LiquidError(f"Look-ups may build on each other at most {_MAX_ROUNDS - 1} times.")

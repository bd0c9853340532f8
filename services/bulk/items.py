"""A kind of bulk operation whose items a request has given: works through them in chunks.

A chunk is one transaction: what was done, which items are settled, and the counts are committed
together. When something in a chunk is refused, smaller chunks find out which item it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from domain.bulk.operations import BulkItem, OpenBulk, Stride
from models.queries.bulk import operations as statements
from services.engine import Engine, Unit

# What an item is worked on with; returns by number why items fail.
Work = Callable[[Unit, OpenBulk, Sequence[BulkItem]], Awaitable[Mapping[int, str]]]
CHUNK_SIZE = 100


class BulkKind(Protocol):
    """How one kind of bulk operation is worked on."""

    @property
    def chunk(self) -> int:
        """Return how many rows a transaction works on at most."""

    async def stride(
        self, unit: Unit, operation: OpenBulk, size: int, refusal: str | None
    ) -> Stride:
        """Work on the next rows, in one transaction.

        Args:
            unit: the transaction, which holds the operation's lock.
            operation: as it is now.
            size: most rows; 1 where there is a refusal.
            refusal: why the next row is not worked on and counts as failed.
        """


@runtime_checkable
class PreparedKind(BulkKind, Protocol):
    """A kind of which something has to be done before each stride."""

    async def prepare(self, engine: Engine, operation: OpenBulk, size: int) -> None:
        """Do it, in transactions of its own; it is harmless to repeat."""


@dataclass(frozen=True, slots=True)
class ItemKind:
    """A kind whose items a request has given.

    Attributes:
        work: in the transaction of the chunk; what it refuses it raises, or returns by item.
        chunk: most items at a time.
    """

    work: Work
    chunk: int = CHUNK_SIZE

    async def stride(
        self, unit: Unit, operation: OpenBulk, size: int, refusal: str | None
    ) -> Stride:
        """Work on the next items."""
        scope = operation.environment_id, operation.id
        # One more tells whether it is the last of them.
        found = await statements.next_items(unit.connection, *scope, limit=size + 1)
        items = found[:size]
        errors = {item.number: item.error or refusal for item in items}
        readable = [item for item in items if item.error is None]
        told = {number: error for number, error in errors.items() if error is not None}
        if readable and refusal is None:
            told.update(await self.work(unit, operation, readable))
        done = [item.number for item in items if item.number not in told]
        if items:
            await statements.settle_items(unit.connection, *scope, done=done, errors=told)
        return Stride(len(items), len(told), is_over=len(found) <= size)

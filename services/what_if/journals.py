"""The journal of a walk that nobody stores: what it made, without rows that would tell of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.contract.runs import DeliveryOrder
from domain.kit.json_types import JsonObject
from domain.messages.events import MessageEventType
from domain.runs.events import RunEventType
from domain.runs.rows import NewMessage, TakenRun
from domain.workflows.steps import BaseStep
from services.walk.journal import Journal

# What the messages of runs say that are not over yet. Five thousand runs that have each made an
# e-mail and wait for a day would else take what memory the process has.
_MOST_CHARACTERS = 128 * 1024 * 1024


@dataclass(slots=True)
class Room:
    """How much the messages of the walks under way say, in characters."""

    used: int = 0

    @property
    def is_over(self) -> bool:
        """Tell whether no walk may begin or go on."""
        return self.used > _MOST_CHARACTERS


class UnstoredJournal(Journal):
    """Keeps messages and outcomes, which are compared, and no story, which nobody would read.

    Making the rows of a story costs a sixth of a walk.

    Attributes:
        size: characters that its messages say.

    Args:
        taken, now, secrets: see `Journal`.
        room: what the messages of all walks say.
    """

    size: int = 0

    def __init__(
        self, taken: TakenRun, now: datetime, *, secrets: Iterable[str], room: Room
    ) -> None:
        super().__init__(taken, now, secrets=secrets)
        self._room = room

    def make(self, message: NewMessage, order: DeliveryOrder | None) -> None:
        """Keep a message; nobody will deliver it."""
        self.messages.append(message)
        size = len(repr(message.content))
        self.size += size
        self._room.used += size

    def tell(
        self,
        event: RunEventType,
        *,
        step: BaseStep | None = None,
        failed: bool = False,
        attempt: int = 1,
        data: JsonObject | None = None,
    ) -> None:
        """Tell nobody."""

    def tell_message(
        self, message_id: UUID, event: MessageEventType, data: JsonObject | None = None
    ) -> None:
        """Tell nobody."""

    def _add(self, table: str, row: JsonObject) -> None:
        """Store nothing: neither patches, which the walk has taken over already."""

"""Bulk operations over the messages of a channel: mark them, or delete them.

Rows are looked for, newest first: the position is the last message that was passed, and the place
in the list of users when the operation names some. Only what existed when it was asked for counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.bulk.messages import BulkAction, BulkMessagesIn
from domain.bulk.operations import OpenBulk, Stride
from domain.kit.clock import iso
from domain.kit.errors import Forbidden, InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import read_shape
from domain.messages.engagement import StatusChange
from models.queries.bulk.messages import count_wanted, pass_messages
from models.queries.bulk.operations import add_failures
from models.queries.channels.channels import is_channel
from models.queries.in_app.feeds import is_feed_channel
from models.queries.messages.deletion import delete_messages
from models.queries.messages.engagement import engage
from services.bulk.accept import BulkView, begin
from services.bulk.items import CHUNK_SIZE
from services.engine import Engine, Unit

_PREFIX = "messages."


async def update_messages(
    engine: Engine,
    environment: EnvironmentScope,
    channel_id: UUID,
    action: BulkAction,
    given: BulkMessagesIn,
    *,
    by_anybody: bool = False,
) -> BulkView:
    """Mark or delete the messages of a channel that exist now.

    Args:
        engine: the parts of this process.
        environment: where.
        channel_id: which channel.
        action: what is to become of them.
        given: which of them.
        by_anybody: whether a public key asks, which every page of an application shows.

    Raises:
        NotFound: there is no such channel; or, with `by_anybody`, none that is a feed.
        InvalidParams: with `by_anybody`, not exactly one user is named.
        Forbidden: anybody wants to delete.
    """
    filters = given.filters()
    if by_anybody:
        if action is BulkAction.DELETE:
            raise Forbidden("Deleting messages needs a secret key, so do it from your server.")
        if filters.user_ids is None or len(filters.user_ids) != 1:
            raise InvalidParams.of("recipient_ids", "must name one user, with a public key")
    async with engine.unit() as unit:
        is_known = is_feed_channel if by_anybody else is_channel
        if not await is_known(unit.connection, channel_id):
            raise NotFound("The channel does not exist.")
        estimate = 0
        if filters.user_ids is not None:
            estimate = await count_wanted(
                unit.connection,
                environment.id,
                channel_id,
                filters,
                with_held=action is BulkAction.DELETE,
            )
        settings = {
            "channel_id": str(channel_id),
            "filters": given.stored(),
            "asked_at": iso(unit.now),
        }
        return await begin(
            unit, environment, f"{_PREFIX}{action}", [], settings=settings, estimate=estimate
        )


@dataclass(frozen=True, slots=True)
class MessageKind:
    """What becomes of messages: they are marked, or deleted."""

    action: BulkAction
    # A message takes a small part of what an item takes; one that is not wanted hardly anything.
    chunk: int = 5 * CHUNK_SIZE

    async def stride(
        self, unit: Unit, operation: OpenBulk, size: int, refusal: str | None
    ) -> Stride:
        """Pass the next messages, and do to those that are wanted what is asked for."""
        filters = read_shape(BulkMessagesIn, operation.settings["filters"]).filters()
        place = _Place.read(operation.position)
        users = filters.user_ids
        if users is not None and place.user >= len(users):
            return Stride(0, 0, is_over=True)
        passed = await pass_messages(
            unit.connection,
            operation.environment_id,
            UUID(operation.settings["channel_id"]),
            filters,
            user_id=None if users is None else users[place.user],
            snapshot=operation.settings["snapshot"],
            after=place.after,
            limit=size,
            shown_by=None if self.action is BulkAction.DELETE else _asked_at(unit, operation),
        )
        wanted = [message.id for message in passed if message.is_wanted]
        if wanted and refusal is not None:
            scope = operation.environment_id, operation.id
            await add_failures(unit.connection, *scope, [str(one) for one in wanted], refusal)
        elif wanted:
            await self._do(unit, operation.environment_id, wanted)
        if len(passed) == size:
            place = _Place(place.user, (passed[-1].inserted_at, passed[-1].id))
        else:
            place = _Place(place.user + 1)
        is_over = len(passed) < size and place.user >= len(users or [None])
        failed = 0 if refusal is None else len(wanted)
        return Stride(len(wanted), failed, is_over=is_over, position=place.stored())

    async def _do(self, unit: Unit, environment_id: UUID, message_ids: list[UUID]) -> None:
        engagement = self.action.engagement
        if engagement is None:
            await delete_messages(unit.connection, environment_id, message_ids)
        else:
            change = StatusChange(engagement)
            await engage(unit.connection, environment_id, change, message_ids, now=unit.now)


def _asked_at(unit: Unit, operation: OpenBulk) -> datetime:
    """Return when it was asked for; now, of one that the version before has taken."""
    asked_at = operation.settings.get("asked_at")
    return unit.now if asked_at is None else datetime.fromisoformat(asked_at)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far an operation has come: which user's messages, and the last of them."""

    user: int = 0
    after: tuple[datetime, UUID] | None = None

    @classmethod
    def read(cls, stored: JsonObject | None) -> _Place:
        """Read a place as it was stored; none is the beginning."""
        if stored is None:
            return cls()
        after = stored.get("after")
        instant_and_id = (datetime.fromisoformat(after[0]), UUID(after[1])) if after else None
        return cls(stored["user"], instant_and_id)

    def stored(self) -> JsonObject:
        """Write it as JSON."""
        after = [self.after[0].isoformat(), str(self.after[1])] if self.after else None
        return {"user": self.user, "after": after}


KINDS = {f"{_PREFIX}{action}": MessageKind(action) for action in BulkAction}

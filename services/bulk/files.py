"""Bulk operations over the rows of CSV files: members of audiences, recipients of broadcasts.

A file is read to its end before it is accepted, so that what is wrong with it as a whole is
answered; rows that are wrong by themselves are told by the operation, each with its line. Of the
file nothing is kept but its rows, and of those only what is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from domain.audiences.members import ListedMemberIn, listed_member
from domain.broadcasts.broadcast import BROADCAST
from domain.broadcasts.rows import BroadcastStatus, StoredBroadcast
from domain.bulk.csv_files import CsvFile, read_csv
from domain.bulk.operations import (
    ADD_LISTED_MEMBERS,
    SET_RECIPIENTS,
    BulkItem,
    NewBulkItem,
    OpenBulk,
    Stride,
)
from domain.kit.errors import NotFound
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient, combined
from domain.recipients.refs import RecipientRef
from models.queries.broadcasts import broadcasts, recipients
from models.queries.bulk import operations as statements
from runtime.database import take_long
from services.audiences.members import admit, require_audience
from services.broadcasts.broadcasts import missing, not_draft, refuse_two_targets
from services.bulk.accept import BulkView, begin, get_operation
from services.bulk.items import BulkKind, ItemKind
from services.engine import Engine, Unit
from services.off_loop import off_loop
from services.triggers.audience_entries import identify

_REPLACED = "the file was replaced or removed; this row and those after it were not read"
_PEOPLE_AT_ONCE = 500
# Reading so many takes less time than the interpreter lets a thread keep other requests waiting.
_STORED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent.

    Attributes:
        raw: all of it.
        mapping: what its columns are, see `read_csv`.
    """

    raw: bytes
    mapping: JsonObject


async def add_listed_members(
    engine: Engine,
    environment: EnvironmentScope,
    audience_key: str,
    sent: SentFile,
    *,
    create: bool = False,
) -> BulkView:
    """Add the users of a file to a static audience, each as `add_members` does.

    Args:
        engine: the parts of this process.
        environment: where.
        audience_key: which audience.
        sent: the file.
        create: make the audience when there is none.

    Raises:
        InvalidParams: the file cannot be read, or the key cannot be one.
        NotFound: there is no such audience, or it is archived.
        Unprocessable: `audience_not_static`.
    """
    file = await off_loop(partial(read_csv, sent.raw, sent.mapping, takes_data=False))
    await require_audience(engine, environment, audience_key, create=create)
    async with engine.unit() as unit:
        settings: JsonObject = {"audience_key": audience_key}
        return await _accept(unit, environment, ADD_LISTED_MEMBERS, file, settings)


async def set_recipients(
    engine: Engine, environment: EnvironmentScope, broadcast_key: str, sent: SentFile
) -> BulkView:
    """Let the users of a file receive a broadcast, instead of those of a file before.

    Raises:
        InvalidParams: the file cannot be read.
        NotFound: there is no such broadcast.
        Unprocessable: `broadcast_not_draft`, it is scheduled or was sent; see
            `refuse_two_targets`.
    """
    file = await off_loop(partial(read_csv, sent.raw, sent.mapping, takes_data=True))
    async with engine.unit() as unit:
        await _require_open(unit, environment, broadcast_key)
        settings: JsonObject = {"broadcast_key": broadcast_key}
        view = await _accept(unit, environment, SET_RECIPIENTS, file, settings)
        # Nobody who writes the draft waits for as long as it takes to store many rows.
        held = await _require_open(unit, environment, broadcast_key, hold=True)
        await _replace(unit, environment, held, view)
        return view


async def get_recipients(
    engine: Engine, environment: EnvironmentScope, broadcast_key: str
) -> BulkView:
    """Return how far the file with a broadcast's recipients was read.

    Raises:
        NotFound: there is no such broadcast, no such file, or it was read too long ago.
    """
    async with engine.connection() as connection:
        found = await broadcasts.get_broadcast(connection, environment.id, broadcast_key)
    if found is None:
        raise missing(broadcast_key)
    if found.upload_id is None:
        raise NotFound("The broadcast has no recipients from a CSV file.")
    return await get_operation(engine, environment, found.upload_id)


async def remove_recipients(
    engine: Engine, environment: EnvironmentScope, broadcast_key: str
) -> None:
    """Let a broadcast be received by its audience, or by every user; without a file, nothing.

    Raises:
        NotFound: there is no such broadcast.
        Unprocessable: `broadcast_not_draft`, it is scheduled or was sent.
    """
    async with engine.unit() as unit:
        held = await _require_draft(unit, environment, broadcast_key, hold=True)
        await _replace(unit, environment, held, None)


async def _require_draft(
    unit: Unit, environment: EnvironmentScope, key: str, *, hold: bool
) -> StoredBroadcast:
    found = await broadcasts.get_broadcast(unit.connection, environment.id, key, hold=hold)
    if found is None:
        raise missing(key)
    if found.status != BroadcastStatus.DRAFT:
        raise not_draft(key)
    return found


async def _require_open(
    unit: Unit, environment: EnvironmentScope, key: str, *, hold: bool = False
) -> StoredBroadcast:
    """Return a draft whose recipients a file may name."""
    found = await _require_draft(unit, environment, key, hold=hold)
    refuse_two_targets(BROADCAST.read(found.content, key), key)
    return found


async def _replace(
    unit: Unit, environment: EnvironmentScope, held: StoredBroadcast, view: BulkView | None
) -> None:
    """Let another file count for a broadcast, or none; whoever reads the old one finds out."""
    upload_id = None if view is None else view.operation.id
    if held.upload_id is not None:
        await recipients.forget_recipients(unit.connection, environment.id, held.upload_id)
    await broadcasts.note_upload(
        unit.connection, environment.id, held.key, upload_id=upload_id, now=unit.now
    )


async def _accept(
    unit: Unit, environment: EnvironmentScope, name: str, file: CsvFile, settings: JsonObject
) -> BulkView:
    """Store an operation over the rows of a file, each under the line on which it begins."""
    view = await begin(unit, environment, name, [], settings=settings, estimate=file.row_count)
    await take_long(unit.connection)
    rows = file.items()
    while page := await off_loop(partial(_next_page, rows)):
        await statements.add_items(unit.connection, environment.id, view.operation.id, page)
    return view


def _next_page(rows: Iterator[tuple[int, NewBulkItem]]) -> list[tuple[int, NewBulkItem]]:
    return list(islice(rows, _STORED_AT_ONCE))


def _said(members: Sequence[ListedMemberIn]) -> list[InlineRecipient]:
    """Return each user once, with what their lines say of them; the last one wins."""
    distinct: dict[RecipientRef, InlineRecipient] = {}
    for member in members:
        said = member.said()
        distinct[said.ref] = combined(distinct.get(said.ref), said)
    return list(distinct.values())


async def _admit(unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]) -> Mapping[int, str]:
    members = [listed_member(item.content or {}) for item in items]
    memberships = sorted({member.membership for member in members})
    key = operation.settings["audience_key"]
    try:
        await admit(unit, operation.scope, key, _said(members), memberships)
    except NotFound as refusal:  # it was archived meanwhile
        return {item.number: refusal.reasons for item in items}
    return {}


async def _address(unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]) -> Mapping[int, str]:
    members = [listed_member(item.content or {}) for item in items]
    # Nobody is deleted meanwhile, and leaves a line behind.
    await identify(unit, operation.scope, _said(members), holds=True)
    await recipients.add_recipients(
        unit.connection,
        operation.environment_id,
        operation.id,
        {member.membership: member.data for member in members},
    )
    return {}


@dataclass(frozen=True, slots=True)
class _RecipientsKind:
    """Reads the recipients of a broadcast, which may be sent once all of them were read."""

    items: ItemKind

    @property
    def chunk(self) -> int:
        """Return how many rows a transaction works on at most."""
        return self.items.chunk

    async def stride(
        self, unit: Unit, operation: OpenBulk, size: int, refusal: str | None
    ) -> Stride:
        """Work on the next rows while the file counts; with the last ones it is read."""
        key, scope = operation.settings["broadcast_key"], operation.environment_id
        held = await broadcasts.get_broadcast(unit.connection, scope, key, hold=True)
        if held is None or held.upload_id != operation.id:
            return await self._give_up(unit, operation)
        stride = await self.items.stride(unit, operation, size, refusal)
        if stride.is_over:
            await recipients.complete_upload(unit.connection, scope, key, operation.id)
        return stride

    async def _give_up(self, unit: Unit, operation: OpenBulk) -> Stride:
        """Tell with the next row why nothing is read any more, and keep none of the others."""
        scope = operation.environment_id, operation.id
        items = await statements.next_items(unit.connection, *scope, limit=1)
        errors = {item.number: _REPLACED for item in items}
        await statements.settle_items(unit.connection, *scope, done=[], errors=errors)
        await statements.forget_items(unit.connection, *scope)
        return Stride(len(items), len(items), is_over=True, is_given_up=True)


KINDS: Mapping[str, BulkKind] = {
    ADD_LISTED_MEMBERS: ItemKind(_admit, _PEOPLE_AT_ONCE),
    SET_RECIPIENTS: _RecipientsKind(ItemKind(_address, _PEOPLE_AT_ONCE)),
}

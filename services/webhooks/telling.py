"""What endpoints are told: of messages and runs from the outbox, of content by who changes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.events.outbox import OutboxRow
from domain.kit.ids import new_id, run_event_id, webhook_event_id
from domain.kit.json_types import JsonObject
from domain.messages.answers import MessageOut
from domain.messages.messages import Message
from domain.recipients.refs import RecipientRef
from domain.runs.answers import RecipientRunOut
from domain.runs.rows import RecipientRun
from domain.webhooks.events import WebhookBodyOut, WebhookEvent, told_of
from models.queries.messages.messages import messages_by_id
from models.queries.runs.runs import runs_by_id
from models.queries.webhooks import deliveries as statements
from models.queries.webhooks import log
from models.queries.webhooks.endpoints import wanted_events
from services.engine import Unit


async def tell_endpoints(unit: Unit, rows: Sequence[OutboxRow]) -> None:
    """Store for every endpoint what it is told of some events: a handler of the outbox.

    What an event was about is read as it is now, and sent as it was read at every attempt. An event
    of a message or a run that was deleted meanwhile is told to nobody.
    """
    by_environment: dict[UUID, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        by_environment[row.environment_id].append(row)
    told: dict[WebhookEvent, list[UUID]] = {}
    for environment_id, happened in by_environment.items():
        wanted = await wanted_events(unit.connection, environment_id)
        subjects = await _subjects(unit, environment_id, happened)
        for row in happened:
            for event in subjects.events_of(row):
                endpoints = [each for each, types in wanted.items() if event.event_type in types]
                if endpoints:
                    told[event] = endpoints
    if told:
        await statements.add_events(unit.connection, told, unit.now)


@dataclass(frozen=True, slots=True)
class _Subjects:
    """What events are about.

    Attributes:
        data: what else is told of events of messages, by their ids.
        statuses: of events of runs, by run and position; those that are not stored are well.
    """

    messages: Mapping[UUID, Message]
    data: Mapping[UUID, JsonObject]
    runs: Mapping[UUID, RecipientRun]
    statuses: Mapping[tuple[UUID, int], str]

    def events_of(self, row: OutboxRow) -> Iterator[WebhookEvent]:
        """Yield what an outbox row is told as."""
        if row.message_id is not None and row.event_id is not None:
            message = self.messages.get(row.message_id)
            if message is not None:
                shown, more = MessageOut.of(message), self.data.get(row.event_id)
                yield from self._told(
                    row,
                    row.event_id,
                    told_of(row.event_type),
                    shown,
                    about=message.recipient,
                    more=more,
                )
        elif row.recipient_run_id is not None and row.position is not None:
            run = self.runs.get(row.recipient_run_id)
            if run is not None:
                status = self.statuses.get((run.id, row.position), "ok")
                types = told_of(row.event_type, status)
                source = run_event_id(run.id, row.position)
                run_out = RecipientRunOut.of(run)
                yield from self._told(row, source, types, run_out, about=run.recipient)

    def _told(
        self,
        row: OutboxRow,
        source: UUID,
        types: Iterator[str],
        shown: MessageOut | RecipientRunOut,
        *,
        about: RecipientRef,
        more: JsonObject | None = None,
    ) -> Iterator[WebhookEvent]:
        for event_type in types:
            yield WebhookEvent.written(
                WebhookBodyOut.of(event_type, row.happened_at, shown, more),
                id=webhook_event_id(source, event_type),
                environment_id=row.environment_id,
                about=about,
            )


async def _subjects(unit: Unit, environment_id: UUID, rows: Sequence[OutboxRow]) -> _Subjects:
    """Load what some events of an environment are about: a statement for each kind of thing."""
    connection = unit.connection
    of_messages = {(row.message_id, row.event_id) for row in rows if row.message_id is not None}
    of_runs = {
        (row.recipient_run_id, row.position)
        for row in rows
        if row.message_id is None and row.position is not None
    }
    message_ids = list({message_id for message_id, _ in of_messages if message_id})
    messages, data, runs, statuses = [], {}, {}, {}
    if of_messages:
        messages = await messages_by_id(connection, environment_id, message_ids)
        known = [(message, event) for message, event in of_messages if message and event]
        data = await log.data_of_message_events(connection, environment_id, known)
    if of_runs:
        found = [(run, position) for run, position in of_runs if run and position is not None]
        runs = await runs_by_id(connection, environment_id, {run for run, _ in found})
        statuses = await log.statuses_of_run_events(connection, environment_id, found)
    return _Subjects({message.id: message for message in messages}, data, runs, statuses)


async def tell_of_content(
    unit: Unit,
    environment_id: UUID,
    event_type: str,
    *documents: JsonObject,
    commit_id: UUID | None = None,
) -> None:
    """Tell, with the commit of the unit, that content was changed or committed.

    Args:
        unit: the transaction that changes it.
        environment_id: where.
        event_type: such as `workflow.updated`.
        documents: each piece of content as the Management API shows it.
        commit_id: which published it, if it is one piece.
    """
    wanted = await wanted_events(unit.connection, environment_id)
    endpoints = [each for each, types in wanted.items() if event_type in types]
    if not endpoints:
        return
    more = {"commit_id": str(commit_id)} if commit_id else None
    events = [
        WebhookEvent.written(
            WebhookBodyOut.of(event_type, unit.now, document, more),
            id=webhook_event_id(commit_id or new_id(), event_type),
            environment_id=environment_id,
            about=None,
        )
        for document in documents
    ]
    await statements.add_events(unit.connection, dict.fromkeys(events, endpoints), unit.now)

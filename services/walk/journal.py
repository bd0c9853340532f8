"""What a walk did, until it is stored: its run's new state, messages, and events of both.

Everything is cleaned where it enters, so that no template, payload or error text can keep the
walk from being recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.contract.runs import DeliveryOrder
from domain.kit.json_types import JsonObject, json_row
from domain.kit.storable import storable_json
from domain.messages.events import MessageEventType, NewMessageEvent
from domain.runs.events import NewRunEvent, RunEventStatus, RunEventType
from domain.runs.rows import NewMessage, RunPatch, TakenRun
from domain.runs.statuses import RunStatus
from domain.tracking.rows import ShortLink
from domain.workflows.steps import BaseStep
from models.queries.events.writing import message_event_row, outbox_row, run_event_row
from models.queries.runs.walks import RunChange
from outbound.redaction import Redactor
from services.walk.happenings import happenings

# What is kept of a step that another version of the workflow had elsewhere, to be taken once more.
LEFT_BEHIND = "left_behind"
# The content of a message was bounded when it was rendered; here nothing of it is cut.
_MOST_CHARACTERS = 100_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a journal had come."""

    rows: Mapping[str, int]
    messages: int
    orders: int
    owed: int
    files: int


class Journal:
    """The new rows of a walk, and the state that it leaves its run in.

    Attributes:
        outcomes: what each step did, by ref; see `keep`.
        messages: those made in this walk.
        orders: messages to hand to their providers, those of earlier walks included.
        story: one line per step that was walked, for the Temporal UI.
        owed: kind and payload of what is owed to Temporal after the commit.
        files: digest and bytes of each that goes with a message.
        version_id: of the workflow, for the steps that come.

    Args:
        taken: the run.
        now: the instant of the walk.
        subscribed: types of the events that somebody wants to hear of.
        secrets: texts that the run's story must not show.
    """

    def __init__(
        self,
        taken: TakenRun,
        now: datetime,
        subscribed: frozenset[str] = frozenset(),
        secrets: Iterable[str] = (),
    ) -> None:
        self.now = now
        self._redactor = Redactor(secrets)
        self._taken = taken
        self._subscribed = subscribed
        # Events that only the run's row tells of: that it started, and that it completed.
        self._derived: list[NewRunEvent] = []
        self.outcomes: JsonObject = {
            ref: kept for ref, kept in taken.step_outcomes.items() if isinstance(kept, dict)
        }
        self.messages: list[NewMessage] = []
        self.orders: list[DeliveryOrder] = []
        self.story: list[str] = []
        self.owed: list[tuple[str, JsonObject]] = []
        self.files: list[tuple[str, bytes]] = []
        self.rows: dict[str, list[JsonObject]] = {}
        self.version_id = taken.version_id
        self._run_id = taken.id
        self._event_count = taken.event_count
        self._error_count = taken.error_count
        self._status: RunStatus = RunStatus.PROCESSING
        self._started_at: datetime | None = taken.started_at
        self._resumes_at: datetime | None = None
        self._ended_at: datetime | None = None
        self._end_reason: str | None = None

    def begin(self) -> None:
        """Note that the run has started; its row says so, and its place in the story is kept."""
        self._started_at = self.now
        self._derive(RunEventType.RUN_STARTED)

    def rest(self, status: RunStatus, resumes_at: datetime) -> None:
        """Leave the run open until an instant."""
        self._status = status
        self._resumes_at = resumes_at

    def complete(self, reason: str | None) -> None:
        """End the run well; its row says so, and its place in the story is kept."""
        self._end(RunStatus.COMPLETED, reason)
        self._derive(RunEventType.RUN_COMPLETED)

    def halt(self, reason: str) -> None:
        """End the run with an error."""
        self.tell(RunEventType.RUN_HALTED, data={"reason": reason})
        self._end(RunStatus.COMPLETED, reason)

    def cancel(self, reason: str) -> None:
        """End the run because somebody wanted it."""
        self.tell(RunEventType.RUN_CANCELLED, data={"reason": reason})
        self._end(RunStatus.CANCELLED, reason)

    def _derive(self, event: RunEventType) -> None:
        self._derived.append(
            NewRunEvent(run_id=self._run_id, position=self._event_count, type=event, at=self.now)
        )
        self._event_count += 1

    def _end(self, status: RunStatus, reason: str | None) -> None:
        self._status = status
        self._ended_at = self.now
        self._end_reason = reason and self.shown(reason)

    @property
    def change(self) -> RunChange:
        """Return what becomes of the run's row."""
        return RunChange(
            status=self._status.value,
            version_id=self.version_id,
            error_count=self._error_count,
            event_count=self._event_count,
            step_outcomes=self.outcomes,
            resumes_at=self._resumes_at,
            started_at=self._started_at,
            ended_at=self._ended_at,
            end_reason=self._end_reason,
        )

    @property
    def was_moved(self) -> bool:
        """Tell whether an operator has moved the end of a wait of this run."""
        return any(each.get("moved") for each in self.outcomes.values())

    def tell(
        self,
        event: RunEventType,
        *,
        step: BaseStep | None = None,
        failed: bool = False,
        attempt: int = 1,
        data: JsonObject | None = None,
    ) -> None:
        """Add a line to the run's story."""
        told = NewRunEvent(
            run_id=self._run_id,
            position=self._event_count,
            type=event,
            at=self.now,
            failed=failed,
            attempt=attempt,
            step_ref=step.ref if step else None,
            step_type=step.type if step else None,
            data={name: self._redactor.within(value) for name, value in (data or {}).items()},
        )
        self._add("recipient_run_events", run_event_row(told))
        self._event_count += 1
        if told.status is RunEventStatus.ERROR:
            self._error_count += 1

    def shown(self, text: str) -> str:
        """Return a text without the secrets in it, as others may read it."""
        return self._redactor.text(text)

    def make(self, message: NewMessage, order: DeliveryOrder | None) -> None:
        """Add a message, and the order to deliver it when a provider is needed."""
        self.messages.append(message)
        self._add("messages", json_row(message))
        if order is not None:
            self.orders.append(order)

    def link(self, link: ShortLink) -> None:
        """Add a short link of a message that the walk makes."""
        self._add("short_links", json_row(link))

    def tell_message(
        self, message_id: UUID, event: MessageEventType, data: JsonObject | None = None
    ) -> None:
        """Add a line to a message's story; that it was created and queued, its row says."""
        told = NewMessageEvent(message_id=message_id, type=event, at=self.now, data=data)
        self._add("message_events", message_event_row(told))

    def keep(self, step: BaseStep, record: JsonObject, patch: JsonObject | None) -> None:
        """Remember what a step did, with its place in the order of the run's steps."""
        known = self.outcomes.get(step.ref)
        last = max((each.get("n", -1) for each in self.outcomes.values()), default=-1)
        kept = {**record, "n": (known or {}).get("n", last + 1)}
        if patch is not None:
            # Patches may be large, and are stored apart: a run's row is read with every walk.
            taken = [each["patch"] for each in self.outcomes.values() if "patch" in each]
            kept["patch"] = max(taken, default=-1) + 1
            row = RunPatch(
                recipient_run_id=self._run_id,
                position=kept["patch"],
                step_ref=step.ref,
                patch=patch,
            )
            self._add("run_patches", json_row(row))
        elif known and "patch" in known:
            kept["patch"] = known["patch"]
        if known and known.get("moved"):
            kept["moved"] = True
        self.outcomes[step.ref] = storable_json(kept)

    def leave_behind(self, refs: Iterable[str]) -> None:
        """Have steps taken once more, which other versions of the workflow had elsewhere.

        What they have changed in the data stays. A batch that was carried is not carried again, and
        a throttle that let the run pass is not asked again: it would count the run itself.
        """
        for ref in refs:
            known = self.outcomes.get(ref)
            if known is None or known.get("outcome") == "batched" or known.get("passed"):
                continue
            kept = {name: known[name] for name in ("patch", "moved") if name in known}
            self.outcomes[ref] = {"outcome": LEFT_BEHIND, **kept}

    def attach(self, digest: str, content: bytes) -> None:
        """Keep a file that goes with a message."""
        self.files.append((digest, content))

    def owe(self, kind: str, payload: JsonObject) -> None:
        """Owe an effect to Temporal: see `services.effects`."""
        self.owed.append((kind, payload))

    def mark(self) -> Mark:
        """Return how far the journal has come."""
        lengths = {table: len(rows) for table, rows in self.rows.items()}
        return Mark(lengths, len(self.messages), len(self.orders), len(self.owed), len(self.files))

    def take_back(self, mark: Mark) -> None:
        """Drop what was made since a mark; what was told stays."""
        for table, rows in self.rows.items():
            if table != "recipient_run_events":
                del rows[mark.rows.get(table, 0) :]
        del self.messages[mark.messages :]
        del self.orders[mark.orders :]
        del self.owed[mark.owed :]
        del self.files[mark.files :]

    def all_rows(self) -> Mapping[str, list[JsonObject]]:
        """Return the new rows by table, with those of the outbox if somebody has subscribed."""
        if not self._subscribed:
            return self.rows
        happened = happenings(self._taken, self._derived, self.rows)
        wanted = [outbox_row(each) for each in happened if each.event_type in self._subscribed]
        return {**self.rows, "outbox": wanted}

    def has_handed_on(self) -> bool:
        """Tell whether the outbox may have rows of this walk."""
        return bool(self._subscribed)

    def _add(self, table: str, row: JsonObject) -> None:
        clean = storable_json(row, characters=_MOST_CHARACTERS)
        self.rows.setdefault(table, []).append(clean)

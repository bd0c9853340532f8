"""A walk that changes nothing: the walk of `services/walk`, with what is known of a past run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.audiences.members import NO_TENANT, Membership
from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.types import ChannelType
from domain.conditions import ConditionGroup, Verdict, message_refs
from domain.content.audience import Audience
from domain.kit.json_types import JsonObject
from domain.recipients.recipients import Recipient
from domain.runs.rows import NewMessage
from domain.what_if.audiences import dynamic_memberships
from domain.what_if.differences import RehearsedMessage, Unknowable, Walked
from domain.what_if.rows import Record
from domain.workflows import WorkflowDefinition
from domain.workflows.steps import BaseStep
from outbound.redaction import Redactor
from services.channels.sealing import SEALED, open_content
from services.tracking.addresses import StillTracker
from services.walk.context import Walk, links_of, refs_of
from services.walk.journal import LEFT_BEHIND
from services.what_if.journals import UnstoredJournal

# Of a step that the past run did not complete, or not where it came to it at last.
_UNFINISHED = ("waiting", "retrying", LEFT_BEHIND)


class Unknown(Exception):
    """What follows from a step cannot be known without doing it.

    Args:
        step_ref: of the step.
        reason: a clause for people.
    """

    def __init__(self, step_ref: str, reason: str) -> None:
        super().__init__(reason)
        self.unknowable = Unknowable(step_ref, reason)


class RehearsedWalk(Walk):
    """The walk of a run in one world, from its beginning to its end.

    A real run is walked in pieces, each from what the one before has stored. This one is kept
    between its pieces instead, and nothing of it is stored.

    Args:
        record: what the past run went through.
        recorded: the outcomes of its steps, by ref.
        then: what it walked through; None for a run that nobody has made.
        actor: whoever triggered it, as batches keep them.
        joined: who joins which audiences, and when.
        audiences: those that are tried, as they are in the world of the walk.
        journal: of the walk.
        facts: see `Walk`.
    """

    journal: UnstoredJournal

    def __init__(
        self,
        *,
        record: Record,
        recorded: JsonObject,
        then: WorkflowDefinition | None,
        actor: Recipient | None,
        joined: Mapping[Membership, Sequence[tuple[datetime, str]]],
        audiences: Mapping[str, Audience | None],
        **facts: Any,
    ) -> None:
        super().__init__(**facts)
        self.record = record
        self.actor = actor
        self._joined = joined
        self._tried = audiences
        self.effects: list[tuple[str, str]] = []
        self.unknowable: Unknowable | None = None
        self._recorded = recorded
        self._then = then
        # The links of a real message are others each time, and would differ for that alone.
        self._links = {name: f"{url.rpartition('/')[0]}/what-if" for name, url in links_of(self)}

    def tracker(self, message_id: UUID) -> StillTracker:
        """Return what makes addresses that tell nobody of anything."""
        run, unit = self.run, self.unit
        return StillTracker(unit.engine, run.environment_id, message_id, run.ref, unit.now)

    def recorded_outcome(self, step: BaseStep, settings: object) -> JsonObject:
        """Return what a step with an outside effect came to in the past run.

        Args:
            step: the step.
            settings: of the step; those of the past run have to be the same.

        Raises:
            Unknown: the run has not taken it, or the step was another one then.
        """
        before = self._then.program.step(step.ref) if self._then is not None else None
        if before is None or type(before) is not type(step):
            raise Unknown(step.ref, "the recorded run has no such step")
        if getattr(before, "settings", None) != settings:
            raise Unknown(
                step.ref, "its settings have changed, so its recorded outcome does not apply"
            )
        outcome = self._recorded.get(step.ref)
        if not isinstance(outcome, dict) or outcome.get("outcome") in _UNFINISHED:
            raise Unknown(step.ref, "the recorded run never completed this step")
        return outcome

    def has_effect(self, step: BaseStep) -> None:
        """Note that a step would have changed something outside the run."""
        self.effects.append((step.ref, step.type))

    async def judge(
        self, *groups: ConditionGroup | None, event: JsonObject | None = None
    ) -> Verdict | None:
        """Judge conditions as a real walk does.

        Raises:
            Unknown: they ask what became of a message that was never sent.
            ContentError: as there.
        """
        known = {each.step_ref for each in self.record.messages}
        for group in groups:
            for _place, ref in message_refs(group, ""):
                if ref not in known and self._has_sent(ref):
                    raise Unknown(ref, "it is unknown how its messages would have been received")
        return await super().judge(*groups, event=event)

    async def _audiences(self) -> frozenset[str]:
        """Return the recipient's audiences, as far as they are tried by their conditions.

        With those that a script has let them join by now.
        """
        stored = await super()._audiences()
        run, now = self.run, self.unit.now
        if not run.ref.is_user:
            return stored
        # Nobody is in a dynamic audience for a tenant.
        if self._tried and run.tenant_id is None and run.recipient is not None:
            fulfilled = dynamic_memberships(self._tried, run.recipient, now)
            stored = (stored - self._tried.keys()) | fulfilled
        joins = self._joined.get(Membership(run.ref.id, run.tenant_id or NO_TENANT), ())
        return stored | {key for at, key in joins if at <= now}

    def _has_sent(self, ref: str) -> bool:
        """Tell whether the step made messages before this instant, so that they may be received."""
        now = self.unit.now
        return any(
            each.step_ref == ref and each.inserted_at < now for each in self.journal.messages
        )

    async def _message_refs(self) -> JsonObject:
        """Return the messages of earlier steps, each as far as the past run's had come by now."""
        standings, since = [], self.unit.engine.keeps_since(self.unit.now)
        for made in self.journal.messages:
            if made.inserted_at < since:
                continue
            status, engagement = made.delivery_status.value, list[str]()
            if made.inserted_at < self.unit.now:
                for past in self.record.messages:
                    if (past.step_ref, past.channel_id) == (made.step_ref, made.channel_id):
                        status = past.delivery_status
                        engagement = past.engaged_by(self.unit.now)
                        break
            standings.append((made.step_ref, status, engagement))
        return refs_of(standings, self.journal.outcomes)

    def walked(self) -> Walked:
        """Return what the walk came to."""
        redactor = Redactor(self.configuration.variables.secrets)
        return Walked(
            messages=[self._shown(each, redactor) for each in self.journal.messages],
            outcomes=self.journal.outcomes,
            effects=self.effects,
            end_reason=self.journal.change.end_reason,
            unknown=self.unknowable,
            size=self.journal.size,
        )

    def _shown(self, message: NewMessage, redactor: Redactor) -> RehearsedMessage:
        content = open_content(
            self.unit.engine.vault, message.content, str(message.id), message.environment_id
        )
        kind = CHANNEL_KINDS[ChannelType(message.channel_type)]
        shown = {name: each for name, each in message.content.items() if name != SEALED}
        key = next(
            (
                key
                for key, each in self.configuration.channels.items()
                if each.id == message.channel_id
            ),
            str(message.channel_id),
        )
        return RehearsedMessage(
            step_ref=message.step_ref,
            channel_key=key,
            channel_type=kind.channel_type.value,
            at=message.scheduled_at or message.inserted_at,
            status=message.delivery_status.value,
            content=content,
            shown={name: redactor.within(each) for name, each in shown.items()},
        )


def rehearsed(walk: Walk) -> RehearsedWalk:
    """Return a walk as the one that changes nothing, which it has to be."""
    if not isinstance(walk, RehearsedWalk):
        raise TypeError("a walk that is stored must not be taken by executors that do nothing")
    return walk

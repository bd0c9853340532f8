"""What a step executor works with: one walk's view of its run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from domain.audiences.members import NO_TENANT, Membership
from domain.batches.gathered import Gathered
from domain.conditions import (
    ConditionGroup,
    ConditionScope,
    Verdict,
    arguments,
    asks_for_audiences,
    evaluate,
)
from domain.kit.clock import iso
from domain.kit.ids import activity_id
from domain.kit.json_types import JsonObject
from domain.recipients.recipients import Recipient
from domain.runs.events import RunEventType
from domain.runs.rows import NewMessage, RunMessage
from domain.workflows import WorkflowDefinition
from domain.workflows.steps import BaseStep
from models.queries.audiences.members import audiences_of
from models.queries.recipients.subscriptions import reached_through
from models.queries.runs import walks
from services.content.catalog import Configuration
from services.content.library import library_for
from services.engine import Unit
from services.off_loop import off_loop
from services.preferences.hosted import preferences_url
from services.preferences.unsubscribing import unsubscribe_url
from services.recipients.lookups import with_lookups
from services.tracking.addresses import MessageTracker
from services.walk.faults import blaming
from services.walk.journal import Journal
from services.walk.state import RunState
from templating.limits import Budget, Limits
from templating.liquid.environment import is_quick, render_text
from templating.liquid.lookups import Lookups
from templating.messages.context import build_scope

T = TypeVar("T")


@dataclass(slots=True)
class Walk:
    """One walk of a run.

    Attributes:
        unit: the walk's transaction, which holds the run's row, and its instant.
        configuration: channels and what is published, as of now.
        definition: what the run walks through.
        run: its facts and its data.
        journal: what the walk did so far.
        limits: what a rendering may cost.
        gathered: the items of the batch that the run has carried last, if it has.
        outputs: what steps before have to say, by ref, as `refs` shows it.
        inputs: what the step's request is given, as `inputs`; empty for steps that see none.
    """

    unit: Unit
    configuration: Configuration
    definition: WorkflowDefinition
    run: RunState
    journal: Journal
    limits: Limits
    gathered: Gathered | None = None
    outputs: JsonObject = field(default_factory=dict)
    inputs: JsonObject = field(default_factory=dict)
    _scope: JsonObject | None = None
    _stored: list[RunMessage] | None = None
    _links: JsonObject | None = None
    _memberships: frozenset[str] | None = None

    @property
    def zone(self) -> str:
        """Return the recipient's time zone, or the default one."""
        return self.unit.engine.zone_of((self.run.recipient or {}).get("timezone"))

    def scope(self) -> JsonObject:
        """Return what templates and conditions of this run see, as the data is now."""
        if self._scope is None:
            definition = self.definition
            self._scope = build_scope(
                workflow_run_id=str(self.run.workflow_run_id),
                data=self.run.data,
                recipient={
                    **(self.run.recipient or {}),
                    "preferences": self.run.preferences.complete(),
                },
                actor=self.run.actor,
                tenant=self.run.tenant,
                workflow={
                    "id": str(self.run.version_id),
                    "key": definition.key,
                    "name": definition.name,
                    "categories": list(definition.categories),
                    "commercial": definition.settings.is_commercial,
                    "override_preferences": definition.settings.override_preferences,
                    "cancellation_key": self.run.cancellation_key,
                },
                variables=self._variables(),
                now_iso=iso(self.run.accepted_at) or "",
                gathered=self.gathered,
            )
            self._scope["refs"] = self.outputs
        return {**self._scope, **self.inputs} if self.inputs else self._scope

    def _variables(self) -> JsonObject:
        """Return the values of `vars`. Links are made once: they are others each time."""
        if self._links is None:
            self._links = dict(links_of(self))
        return {**self.configuration.variables.values, **self._links}

    def message_scope(self, message_id: str) -> JsonObject:
        """Return what the templates of one message see: its own facts, and its activities' ids."""
        scope = self.scope()
        now = iso(self.unit.now)
        items = [each.id for each in self.gathered.contributions] if self.gathered else [None]
        activities = [
            {**activity, "id": str(activity_id(UUID(message_id), item))}
            for activity, item in zip(scope["activities"], items, strict=True)
        ]
        return {
            **scope,
            "activities": activities,
            "current_message": {"id": message_id, "inserted_at": now, "updated_at": now},
        }

    def tracker(self, message_id: UUID) -> MessageTracker:
        """Return what makes the addresses by which we hear of a message of this run."""
        run, unit = self.run, self.unit
        return MessageTracker(unit.engine, run.environment_id, message_id, run.ref, unit.now)

    def arrive(self) -> None:
        """Come to a step, for which the recipient's audiences are asked for anew."""
        self._memberships = None
        self.inputs = {}

    def go_on_with(self, definition: WorkflowDefinition, version_id: UUID, step: BaseStep) -> None:
        """Take the steps behind a step from another version of the workflow.

        All of them: also one that stood before it when the run came by, and was taken there.
        """
        behind = definition.program.behind(step.ref)
        self.journal.leave_behind(behind)
        self.outputs = {ref: each for ref, each in self.outputs.items() if ref not in behind}
        self.definition = definition
        self.run.version_id = version_id
        self.journal.version_id = version_id
        self._scope = None

    async def carry(self, gathered: Gathered) -> None:
        """See the items of a batch.

        Where the run's own was cancelled, its trigger has no part in what follows: actor, tenant
        and the way to the recipient are those of the oldest item that is left.
        """
        self.gathered = gathered
        if not gathered.has_own:
            await _stand_for_first(self.unit, self.run, gathered.batch_id)
        self._scope = None

    def patch(self, patch: JsonObject) -> None:
        """Change the run's data for everything that is read from now on."""
        self.run.patch(patch)
        self._scope = None

    def renew(self, stored: Recipient, preferences: JsonObject | None) -> None:
        """See a recipient, actor or tenant of the run as it is stored now; see `RunState.renew`."""
        self.run.renew(stored, preferences)
        self._scope = None

    def put_output(self, ref: str, output: JsonObject) -> None:
        """Let later steps see what a step has to say."""
        self.outputs = {**self.outputs, ref: output}
        self._scope = None

    async def judge(
        self, *groups: ConditionGroup | None, event: JsonObject | None = None
    ) -> Verdict | None:
        """Judge condition groups joined by AND; None when there is nothing to judge.

        Args:
            groups: what has to hold.
            event: the event that a wait is judged for.

        Raises:
            ContentError: the Liquid of an argument is broken, or the data breaks a comparison.
        """
        given = [group for group in groups if group is not None]
        if not given:
            return None
        refs = {**await self._message_refs(), **self.outputs}
        values = {**self.scope(), "refs": refs} | ({} if event is None else {"event": event})
        return await self.judge_by(partial(_evaluate_all, given), given, values)

    async def judge_by(
        self,
        judge: Callable[[ConditionScope], Verdict],
        groups: Iterable[ConditionGroup],
        values: JsonObject,
    ) -> Verdict:
        """Let a function judge conditions; all their Liquid shares one budget.

        Args:
            judge: may be called more than once, as look-ups are fetched.
            groups: the conditions, to judge how long they may take.
            values: what they see.

        Raises:
            ContentError: it raised anything.
        """
        groups = list(groups)
        sources = [source for group in groups for source in arguments(group)]
        audiences = await self._audiences() if any(map(asks_for_audiences, groups)) else frozenset()

        def judge_all(lookups: Lookups) -> Verdict:
            # The budget counts the time of the thread that makes it.
            budget = Budget(self.limits)
            scope = ConditionScope(
                values=values,
                now=self.unit.now,
                render=lambda text: render_text(
                    text, values, self.limits, budget=budget, lookups=lookups
                ),
                is_member=lambda key, _variable: key in audiences,
            )
            return judge(scope)

        async def judge_somewhere(lookups: Lookups) -> Verdict:
            if all(map(is_quick, sources)):
                return judge_all(lookups)
            return await off_loop(partial(judge_all, lookups))

        with blaming("condition"):
            return await self.looking_up(judge_somewhere)

    async def looking_up(
        self, render: Callable[[Lookups], Awaitable[T]], *, locale: str | None = None
    ) -> T:
        """Render with what templates look up, and use by name. Raises LiquidError.

        Translations are of a locale, or of the recipient's.
        """
        run = self.run
        of = locale or (run.recipient or {}).get("locale")
        library = library_for(self.unit.engine, self.configuration, of, run.tenant_id)
        return await with_lookups(self.unit.connection, run.environment_id, render, library=library)

    async def allows(self, step: BaseStep, *more: ConditionGroup | None) -> bool:
        """Judge a step's conditions, with more of its kind, and tell the verdict.

        Raises:
            ContentError: the conditions cannot be judged.
        """
        verdict = await self.judge(step.conditions, *more)
        if verdict is None:
            return True
        self.journal.tell(
            RunEventType.STEP_CONDITIONS_EVALUATED,
            step=step,
            data={"passed": verdict.passed, "conditions": verdict.trace},
        )
        return verdict.passed

    async def _audiences(self) -> frozenset[str]:
        """Return the recipient's audiences for just the run's tenant; asked for once in a step."""
        run = self.run
        if not run.ref.is_user:
            return frozenset()
        if self._memberships is None:
            membership = Membership(run.ref.id, run.tenant_id or NO_TENANT)
            found = await audiences_of(self.unit.connection, run.environment_id, membership)
            self._memberships = found & {one.key for one in self.configuration.audiences}
        return self._memberships

    async def _message_refs(self) -> JsonObject:
        """Return the messages of earlier steps as conditions see them.

        Those of earlier walks are loaded at first use; those of this walk grow with every step.
        """
        outcomes = self.journal.outcomes.values()
        if not self.journal.messages and not any(kept.get("message_ids") for kept in outcomes):
            return {}
        if self._stored is None:
            self._stored = await walks.messages_of_run(
                self.unit.connection, self.run.workflow_run_id, self.run.id
            )
        # A feed shows its items for longer.
        since = self.unit.engine.keeps_since(self.unit.now)
        known = [made for made in self._stored if made.inserted_at >= since]
        standings = _standings(known, self.journal.messages)
        return refs_of(standings, self.journal.outcomes)


async def _stand_for_first(unit: Unit, run: RunState, batch_id: UUID) -> None:
    """Let a run stand for that of the oldest item of a batch."""
    connection, environment_id = unit.connection, run.environment_id
    first = await walks.first_of_batch(connection, environment_id, batch_id)
    if first is None:
        return
    through = None
    if first.through_id is not None:
        ref = first.recipient_ref
        through = await reached_through(connection, environment_id, first.through_id, ref)
    run.stand_for(first, through)


def _evaluate_all(groups: Iterable[ConditionGroup], scope: ConditionScope) -> Verdict:
    """Judge groups that are joined by AND, up to the first that does not hold."""
    trace: list[JsonObject] = []
    for group in groups:
        verdict = evaluate(group, scope)
        trace.extend(verdict.trace)
        if not verdict.passed:
            return Verdict(passed=False, trace=trace)
    return Verdict(passed=True, trace=trace)


def _standings(
    stored: Iterable[RunMessage], made: Iterable[NewMessage]
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield of each message its step, its delivery, and what was done with it."""
    for each in stored:
        engagement = [status.value for status in each.engagement_statuses]
        yield each.step_ref, each.delivery_status, engagement
    for new in made:
        yield new.step_ref, new.delivery_status.value, []


def refs_of(standings: Iterable[tuple[str, str, list[str]]], outcomes: JsonObject) -> JsonObject:
    """Write `refs` of messages: of each its step, its delivery, and what was done with it."""
    refs: JsonObject = {}
    for ref, status, engagement in standings:
        entry = refs.setdefault(ref, {"messages": [], "skipped": False})
        entry["messages"].append({"delivery_status": status, "engagement": engagement})
    for ref, outcome in outcomes.items():
        if outcome.get("message_ids") and ref not in refs:
            # They were made, and are past the retention, deleted or not.
            refs[ref] = {"messages": [], "skipped": False, "expired": True}
    return refs


def links_of(walk: Walk) -> Iterator[tuple[str, str]]:
    """Yield the links that a run's recipient is given, under their names in `vars`."""
    engine, run = walk.unit.engine, walk.run
    if run.ref.is_user:
        made = preferences_url(engine, run.environment_id, run.ref, walk.unit.now)
        yield "manage_preferences_url", made.url
    if walk.definition.settings.is_commercial:
        url = unsubscribe_url(engine, run.environment_id, run.ref)
        yield "commercial_unsubscribe_url", url

"""What a step executor returns: where the run goes from its step, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from pydantic import TypeAdapter

from domain.contract.runs import Directive
from domain.kit.clock import iso, parse_instant
from domain.kit.json_types import JsonObject, JsonValue
from domain.runs.events import RunEventType
from domain.workflows.steps import BaseStep

DIRECTIVES: TypeAdapter[Directive] = TypeAdapter(Directive)
# Temporal's clock may be ahead of ours by so much, so that a wait ends before its time.
CLOCKS = timedelta(seconds=1)
# Further ahead than this it is not taken to be.
_CLOCKS_AT_MOST = timedelta(minutes=1)
# Why a step is left out whose conditions do not hold; records of past runs say it as well.
NOT_MET = "conditions not met"


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A line for the run's story; `failed` makes it an error that counts."""

    type: RunEventType
    data: JsonObject = field(default_factory=dict)
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """What every move has in common.

    Attributes:
        story: one line for the Temporal UI; no personal data.
        event: a line for the run's story, or None.
        record: kept under the step's ref for a repeated walk, beside `outcome`.
        patch: what the step changed in the run's data, or None.
    """

    story: str
    event: StepEvent | None = None
    record: JsonObject = field(default_factory=dict)
    patch: JsonObject | None = None

    def kept(self) -> JsonObject:
        """Return what is kept under the step's ref: enough to return the same again."""
        return {**self._outcome(), **self.record}

    def _outcome(self) -> JsonObject:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(_Move):
    """The step was taken; the run goes on behind it. `outcome` names what was done."""

    outcome: str = "done"

    def _outcome(self) -> JsonObject:
        return {"outcome": self.outcome}


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(_Move):
    """The step was left out for a reason; the run goes on behind it."""

    reason: str

    def _outcome(self) -> JsonObject:
        return {"outcome": "skipped", "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Into(_Move):
    """The run goes into a branch of the step, counted from 0."""

    branch: int

    def _outcome(self) -> JsonObject:
        return {"outcome": "branched", "branch": self.branch}


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted(_Move):
    """The step ends the run for a reason, without an error; `cancels` has it end as cancelled."""

    reason: str
    cancels: bool = False

    def _outcome(self) -> JsonObject:
        outcome = {"outcome": "halted", "reason": self.reason}
        return {**outcome, "cancels": True} if self.cancels else outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(_Move):
    """The run waits as the directive says; then the step's other half resumes."""

    directive: Directive

    def _outcome(self) -> JsonObject:
        return {
            "outcome": "waiting",
            "directive": DIRECTIVES.dump_python(self.directive, mode="json"),
        }


def skip(
    step: BaseStep,
    reason: str,
    *,
    event: RunEventType = RunEventType.STEP_SKIPPED,
    failed: bool = False,
    **more: JsonValue,
) -> Skipped:
    """Leave a step out, and say so in the story of the run.

    Args:
        step: which.
        reason: why, in a few words without personal data.
        event: how the story calls it.
        failed: whether it counts as an error.
        more: what the story tells beside the reason.
    """
    return Skipped(
        story=f"`{step.ref}` skipped: {reason}",
        event=StepEvent(event, {"reason": reason, **more}, failed=failed),
        reason=reason,
    )


Move: TypeAlias = Done | Skipped | Into | Halted | Waiting


@dataclass(frozen=True, slots=True)
class Woken:
    """What ended a wait; `at` is the instant of the walk that resumes."""

    at: datetime


def sleeps_on(kept: JsonObject, woken: Woken) -> datetime | None:
    """Return when a sleep ends that is not over, as its end was moved or its walk is repeated.

    Temporal's clock may be ahead of ours, and sleeping again would end at once, over and over. So
    a sleep is over too when it has lasted for half its time, and for all but a minute of it.
    """
    until = parse_instant(kept.get("until"))
    if until is None:
        return None
    seconds = kept["slept"] if kept.get("slept_until") == kept["until"] else 0.0
    early = max(CLOCKS, min(timedelta(seconds=seconds / 2), _CLOCKS_AT_MOST))
    return until if until - woken.at > early else None


def asleep(until: datetime, kept: JsonObject, woken: Woken) -> JsonObject:
    """Return what a step records that sleeps until an instant, or sleeps on."""
    instant, seconds = iso(until), (until - woken.at).total_seconds()
    if kept.get("slept_until") == instant:
        seconds = kept["slept"]
    moved = {"moved": True} if kept.get("moved") else {}
    return {"until": instant, "slept_until": instant, "slept": seconds, **moved}

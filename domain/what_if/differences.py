"""What differs between two walks of one run: pure comparisons of the messages that they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from domain.kit.json_types import JsonObject, JsonValue
from domain.recipients.refs import RecipientRef

# Stands for the place of a difference that must not be shown.
SECRET_PLACE = "(secret)"  # noqa: S105 - a place


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedMessage:
    """A message as a walk would make it.

    Attributes:
        at: when it would go out.
        status: `delivered` for the app, `queued` for a provider, `not_sent` in a sandbox.
        content: all of it, with its secrets; for comparing only.
        shown: the same as it may be shown; None where it is not to be shown.
    """

    step_ref: str
    channel_key: str
    channel_type: str
    at: datetime
    status: str
    content: JsonObject
    shown: JsonObject | None


@dataclass(frozen=True, slots=True)
class Unknowable:
    """Where a walk could not go on, and why nobody can know what follows."""

    step_ref: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What one walk of a run came to.

    Attributes:
        outcomes: what each step did, by ref.
        effects: step refs and types of what it would have changed outside itself.
        unknown: set when it stopped because something cannot be known.
        refused: why there is no run at all, as a clause for people.
        size: of the contents of its messages, in characters.
    """

    messages: Sequence[RehearsedMessage] = ()
    outcomes: JsonObject = field(default_factory=dict)
    effects: Sequence[tuple[str, str]] = ()
    end_reason: str | None = None
    unknown: Unknowable | None = None
    refused: str | None = None
    size: int = 0


class Kind(StrEnum):
    """How a message differs."""

    ADDED = "added"
    DROPPED = "dropped"
    CHANGED = "changed"
    # The new walk stopped before it came to the message.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """What a message says at one place of its content, before and after; None for nothing."""

    place: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedRun:
    """Whose run it is."""

    id: UUID
    workflow_key: str
    recipient: RecipientRef
    tenant_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A message that is there in one walk only, or differs.

    Attributes:
        before, after: the message in either walk.
        changes: of a changed one, what differs in its content.
        reason: why there is none in the other walk.
        is_cut: whether what it says was left out, because answers have an end.
    """

    kind: Kind
    run: WalkedRun
    before: RehearsedMessage | None
    after: RehearsedMessage | None
    changes: Sequence[Change] = ()
    reason: str | None = None
    is_cut: bool = False

    @property
    def message(self) -> RehearsedMessage:
        """Return the message as it is, or was."""
        found = self.after or self.before
        if found is None:
            raise LookupError("a difference has a message")
        return found


_Key: TypeAlias = tuple[str, str, int]


def compare(run: WalkedRun, before: Walked, after: Walked) -> list[Difference]:
    """Tell what differs, in the order of the steps.

    Messages belong together by step and channel; of several on one channel the first to the
    first, as those for several devices are made in order.
    """
    old, new = dict(_keyed(before.messages)), dict(_keyed(after.messages))
    found: list[Difference] = []
    for key in dict.fromkeys([*old, *new]):
        was, becomes = old.get(key), new.get(key)
        if was is not None and becomes is not None:
            changes = _changes(was, becomes)
            if changes or was.at != becomes.at or was.status != becomes.status:
                found.append(
                    Difference(
                        kind=Kind.CHANGED, run=run, before=was, after=becomes, changes=changes
                    )
                )
            continue
        other = before if was is None else after
        kind = Kind.ADDED if was is None else Kind.DROPPED
        reason = _why_none(other, key[0])
        if other.unknown is not None and key[0] not in other.outcomes:
            kind = Kind.UNKNOWN
            reason = f"{other.unknown.step_ref}: {other.unknown.reason}"
        found.append(Difference(kind=kind, run=run, before=was, after=becomes, reason=reason))
    return found


def _keyed(messages: Sequence[RehearsedMessage]) -> Iterator[tuple[_Key, RehearsedMessage]]:
    seen: Counter[tuple[str, str]] = Counter()
    for message in messages:
        place = (message.step_ref, message.channel_key)
        yield (*place, seen[place]), message
        seen[place] += 1


def _why_none(walked: Walked, step_ref: str) -> str | None:
    """Say why a walk has no message of a step."""
    outcome = walked.outcomes.get(step_ref)
    if outcome is None:
        return walked.refused or walked.end_reason or "the run does not reach such a step"
    if outcome.get("outcome") == "failed":
        return "the step fails"
    reason = outcome.get("reason")
    if reason:
        return str(reason)
    channels = {each.channel_key for each in walked.messages if each.step_ref == step_ref}
    return f"the step sends through {', '.join(sorted(channels))}" if channels else None


def _changes(was: RehearsedMessage, becomes: RehearsedMessage) -> list[Change]:
    if was.content == becomes.content:
        return []
    changes = changes_within(was.shown or {}, becomes.shown or {})
    return changes or [Change(SECRET_PLACE, None, None)]


def changes_within(was: JsonObject, becomes: JsonObject) -> list[Change]:
    """Return what differs between two contents, by place, in their order."""
    old, new = dict(_leaves(was)), dict(_leaves(becomes))
    return [
        Change(place, old.get(place), new.get(place))
        for place in dict.fromkeys([*old, *new])
        if old.get(place) != new.get(place)
    ]


def _leaves(value: JsonValue, place: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Yield what stands at the ends of a value, each with its place, such as `blocks[0].text`."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _leaves(member, f"{place}.{name}" if place else name)
    elif isinstance(value, list) and value:
        for index, member in enumerate(value):
            yield from _leaves(member, f"{place}[{index}]")
    else:
        yield place, value

"""What the comparisons of many runs come to: figures, and the first differences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from domain.kit.json_types import encoded_size
from domain.kit.storable import storable_json
from domain.what_if.differences import Change, Difference, Kind, RehearsedMessage, Walked, WalkedRun

# What the messages of an answer say takes at most so many bytes. A thousand differences of e-mails
# would take hundreds of megabytes, and nobody reads them.
MOST_BYTES = 4 * 1024 * 1024
_MOST_CHARACTERS = 100_000_000

# Workflow and step.
Place: TypeAlias = tuple[str, str]


@dataclass(slots=True)
class Findings:
    """What was found; `add` counts one run more.

    Attributes:
        most: so many differences are kept; all are counted.
        room: bytes that are left for what the messages of the kept ones say.
        runs: that were compared.
        runs_changed: those with a difference.
        before, after: messages in either walk.
        kinds: differences by kind.
        steps: differences by workflow, step and kind.
        unknown: runs whose walk with the new content has stopped, by workflow, step and reason.
        effects: how often a step would change something outside its run, by workflow, step and
            type; without and with the new content.
        differences: the first ones.
    """

    most: int
    room: int = MOST_BYTES
    runs: int = 0
    runs_changed: int = 0
    before: int = 0
    after: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    steps: dict[Place, Counter[Kind]] = field(default_factory=dict)
    unknown: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    effects: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def cut(self) -> int:
        """Return how many of the kept differences lack what their messages say."""
        return sum(each.is_cut for each in self.differences)

    @property
    def total(self) -> int:
        """Return how many differences there are."""
        return sum(self.kinds.values())

    def add(
        self, run: WalkedRun, before: Walked, after: Walked, differences: list[Difference]
    ) -> None:
        """Count a run, walked without and with the new content."""
        self.runs += 1
        self.runs_changed += bool(differences)
        self.before += len(before.messages)
        self.after += len(after.messages)
        for each in differences:
            self.kinds[each.kind] += 1
            place = (run.workflow_key, each.message.step_ref)
            self.steps.setdefault(place, Counter())[each.kind] += 1
        if after.unknown is not None:
            self.unknown[run.workflow_key, after.unknown.step_ref, after.unknown.reason] += 1
        for side, walked in enumerate((before, after)):
            for step_ref, step_type in walked.effects:
                figures = self.effects.setdefault((run.workflow_key, step_ref, step_type), [0, 0])
                figures[side] += 1
        for each in differences[: max(0, self.most - len(self.differences))]:
            self.differences.append(self._kept(each))

    def _kept(self, found: Difference) -> Difference:
        """Return a difference with what is shown of it, as far as there is room."""
        if found.kind is Kind.CHANGED:
            kept = replace(
                found,
                before=_bare(found.before),
                after=_bare(found.after),
                changes=[_storable(each) for each in found.changes],
            )
            size = sum(encoded_size([each.before, each.after]) for each in kept.changes)
        else:
            kept = replace(found, before=_shown(found.before), after=_shown(found.after))
            messages = [each for each in (kept.before, kept.after) if each is not None]
            size = sum(encoded_size(each.shown) for each in messages)
        if size <= self.room:
            self.room -= size
            return kept
        return replace(
            kept, before=_bare(kept.before), after=_bare(kept.after), changes=(), is_cut=True
        )


def _storable(change: Change) -> Change:
    """Return a change without what no answer can have, such as halves of characters."""
    before, after = storable_json([change.before, change.after], characters=_MOST_CHARACTERS)
    return replace(change, before=before, after=after)


def _shown(message: RehearsedMessage | None) -> RehearsedMessage | None:
    """Return a message with what may be shown of it alone, as an answer can have it."""
    if message is None:
        return None
    shown = storable_json(message.shown, characters=_MOST_CHARACTERS)
    return replace(message, content={}, shown=shown)


def _bare(message: RehearsedMessage | None) -> RehearsedMessage | None:
    """Return a message without what it says."""
    return None if message is None else replace(message, content={}, shown=None)

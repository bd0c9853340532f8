"""What the comparisons of many runs come to: figures, and some of the differences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from domain.kit.json_types import encoded_size
from domain.kit.storable import storable_json
from domain.what_if.differences import Change, Difference, Kind, RehearsedMessage, Walked, WalkedRun
from domain.what_if.samples import Sample

# What the messages of an answer say takes at most so many bytes. A thousand differences of e-mails
# would take hundreds of megabytes, and nobody reads them.
MOST_BYTES = 4 * 1024 * 1024
MOST_CHARACTERS = 100_000_000

# Workflow and step.
Place: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Note:
    """What is left out of a script, at the place of it that says so."""

    place: str
    message: str


@dataclass(slots=True)
class Findings:
    """What was found; `add` counts one run more.

    Attributes:
        sample: some of the differences; all are counted.
        runs: that were compared.
        runs_changed: those with a difference.
        before, after: messages in either walk.
        kinds: differences by kind.
        steps: differences by workflow, step and kind.
        unknown: runs whose walk with the new content has stopped, by workflow, step and reason.
        refused: how often there would be no run at all, by workflow and reason; without and with
            the new content.
        effects: how often a step would change something outside its run, by workflow, step and
            type; without and with the new content.
    """

    sample: Sample[Difference]
    runs: int = 0
    runs_changed: int = 0
    before: int = 0
    after: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    steps: dict[Place, Counter[Kind]] = field(default_factory=dict)
    unknown: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    effects: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)

    @property
    def differences(self) -> list[Difference]:
        """Return those that are kept, in the order in which they were found."""
        return self.sample.kept

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
            self.sample.offer((*place, each.kind), partial(_kept, each), _cut)
        if after.unknown is not None:
            self.unknown[run.workflow_key, after.unknown.step_ref, after.unknown.reason] += 1
        for side, walked in enumerate((before, after)):
            if walked.refused is not None:
                self.refused.setdefault((run.workflow_key, walked.refused), [0, 0])[side] += 1
            for step_ref, step_type in walked.effects:
                figures = self.effects.setdefault((run.workflow_key, step_ref, step_type), [0, 0])
                figures[side] += 1


def _kept(found: Difference) -> tuple[Difference, int]:
    """Return a difference with what is shown of it alone, and the bytes of that."""
    if found.kind is Kind.CHANGED:
        changes = [storable(each) for each in found.changes]
        size = sum(encoded_size([each.before, each.after]) for each in changes)
        bare = replace(found, before=_bare(found.before), after=_bare(found.after))
        return replace(bare, changes=changes), size
    kept = replace(found, before=_shown(found.before), after=_shown(found.after))
    messages = [each for each in (kept.before, kept.after) if each is not None]
    return kept, sum(encoded_size(each.shown) for each in messages)


def _cut(kept: Difference) -> Difference:
    """Return a difference without what its messages say."""
    return replace(
        kept, before=_bare(kept.before), after=_bare(kept.after), changes=(), is_cut=True
    )


def storable(change: Change) -> Change:
    """Return a change without what no answer can have, such as halves of characters."""
    before, after = storable_json([change.before, change.after], characters=MOST_CHARACTERS)
    return replace(change, before=before, after=after)


def _shown(message: RehearsedMessage | None) -> RehearsedMessage | None:
    """Return a message with what may be shown of it alone, as an answer can have it."""
    if message is None:
        return None
    shown = storable_json(message.shown, characters=MOST_CHARACTERS)
    return replace(message, content={}, shown=shown)


def _bare(message: RehearsedMessage | None) -> RehearsedMessage | None:
    """Return a message without what it says."""
    return None if message is None else replace(message, content={}, shown=None)

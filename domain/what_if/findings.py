"""What the comparisons of many runs come to: figures, and the first differences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

from domain.what_if.differences import Difference, Kind, Walked, WalkedRun

# Workflow and step.
Place: TypeAlias = tuple[str, str]


@dataclass(slots=True)
class Findings:
    """What was found; `add` counts one run more.

    Attributes:
        most: so many differences are kept; all are counted.
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
        self.differences += differences[: max(0, self.most - len(self.differences))]

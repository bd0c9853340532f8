"""The steps of a definition, compiled once to the order in which a run takes them.

Steps are a tree: a branch step holds lists of steps. A run goes from one to the next by ref, into
a branch, and out of it again where its list ends, unless the branch ends the run.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.workflows.steps.base import BaseStep


class Program:
    """What comes first, and what comes after each step."""

    def __init__(self, steps: Sequence[BaseStep]) -> None:
        """Compile steps whose refs are unique in the tree."""
        self._steps: dict[str, BaseStep] = {}
        self._after: dict[str, str | None] = {}
        self._into: dict[str, tuple[str | None, ...]] = {}
        self._first = self._lay(steps, None)

    def _lay(self, steps: Sequence[BaseStep], behind: str | None) -> str | None:
        """Lay a list of steps in front of the ref `behind`, and return the ref it begins with."""
        following = behind
        for step in reversed(steps):
            self._steps[step.ref] = step
            self._after[step.ref] = following
            self._into[step.ref] = tuple(
                self._lay(branch.steps, None if branch.terminates else following)
                for branch in step.held()
            )
            following = step.ref
        return following

    def first(self) -> str | None:
        """Return the ref of the first step, or None for a workflow without steps."""
        return self._first

    def after(self, ref: str) -> str | None:
        """Return the ref of the step behind a step and all its branches, or None at the end."""
        return self._after[ref]

    def into(self, ref: str, branch: int) -> str | None:
        """Return the ref at which a branch begins; an empty one leads to where it would end."""
        return self._into[ref][branch]

    def behind(self, ref: str) -> set[str]:
        """Return the refs of all steps that a run may come to behind a step, in branches, too."""
        found: set[str] = set()
        pending = [self._after[ref]]
        while pending:
            each = pending.pop()
            if each is not None and each not in found:
                found.add(each)
                pending += [self._after[each], *self._into[each]]
        return found

    def step(self, ref: str) -> BaseStep | None:
        """Return the step of a ref, or None when there is none."""
        return self._steps.get(ref)

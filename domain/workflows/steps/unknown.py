"""A stored step that this version cannot read: it fails its run with a reason."""

from __future__ import annotations

from dataclasses import dataclass

from domain.workflows.steps.base import BaseStep


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownStep(BaseStep):
    """Stands where a step was stored by a version that knew more, or checked less.

    Attributes:
        reason: why it cannot be taken, in a sentence for the author.
    """

    step_type = "unknown"
    reason: str

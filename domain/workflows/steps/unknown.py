"""A stored step that this version cannot read: it fails its run with a reason."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.workflows.steps.base import BaseStep


class UnknownStep(BaseStep):
    """Stands where a step was stored by a version that knew more, or checked less."""

    type: Literal["unknown"] = "unknown"
    ref: str  # the place that it takes up, where it has no ref of its own
    reason: str = Field(description="Why it cannot be run, in a sentence for the author.")

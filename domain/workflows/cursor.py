"""Where a walk starts: written by the ref of a step, so that it holds in other versions too.

Written `email_1`, `email_1/2` (second attempt), `batch_1/resume` (its wait is over) and
`batch_1/resume/2`; the start is the empty string. Histories hold cursors for up to a year.
"""

from __future__ import annotations

from dataclasses import dataclass

_RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A step, which of its halves is due, and which attempt at it.

    Attributes:
        ref: of the step; empty for the first of the workflow.
        resumes: whether the step has waited and goes on, instead of being arrived at.
        attempt: 1 for the first.
    """

    ref: str
    resumes: bool = False
    attempt: int = 1

    def __str__(self) -> str:
        """Write the cursor as histories hold it."""
        parts = [self.ref]
        if self.resumes:
            parts.append(_RESUME)
        if self.attempt > 1:
            parts.append(str(self.attempt))
        return "/".join(parts)

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Read a cursor; parts that this version does not know are passed over."""
        ref, *parts = text.split("/")
        attempt = int(parts[-1]) if parts and parts[-1].isdecimal() else 1
        return cls(ref, resumes=_RESUME in parts, attempt=attempt)

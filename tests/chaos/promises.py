"""What the product was asked for, and what it answered: the left side of the ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos import workflows


@dataclass(slots=True, kw_only=True)
class Promise:
    """One trigger, and the cancel that followed it, if any.

    Instants are epoch seconds on the clock that the product reads too.

    Attributes:
        number: names it in data, subjects and its `Idempotency-Key`.
        recipients: user ids.
        cancel_after: seconds from the answer to the cancel; None: it is not cancelled.
        workflow_run_id: what the 200 said; None while there was none.
        tries: requests that it took, the answered one included.
        cancelled_at: when the 204 of the cancel arrived.
    """

    number: int
    workflow_key: str
    recipients: tuple[str, ...]
    cancel_after: float | None = None
    workflow_run_id: str | None = None
    tries: int = 0
    cancelled_at: float | None = None

    @property
    def idempotency_key(self) -> str:
        """Return the key that every repetition of the request carries."""
        return f"chaos-{self.number}"

    @property
    def cancellation_key(self) -> str | None:
        """Return the key of the runs, where they may be cancelled."""
        return None if self.cancel_after is None else f"chaos-cancel-{self.number}"

    @property
    def steps(self) -> list[str]:
        """Return the refs of the steps that each make one message per recipient."""
        return workflows.message_steps(self.workflow_key)


@dataclass(slots=True)
class Book:
    """All promises of one crash test.

    Attributes:
        answers: how often each status code or failure was seen by the client.
        broken: what went wrong while asking, each one line.
    """

    promises: list[Promise] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def made(self) -> list[Promise]:
        """Return the triggers that were answered 200."""
        return [promise for promise in self.promises if promise.workflow_run_id is not None]

"""The contract between a recipient run's Temporal workflow and the walk through its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

START = ""
# What a walk may return to a workflow that does not say what it can obey.
FIRST_KINDS = ("finished", "walk_on", "sleep_until")


@dataclass(frozen=True, slots=True)
class RunSoFar:
    """Where a run stands whose history has become long, and what it has heard by then.

    Attributes:
        cursor: where the next walk starts.
        story: its last lines, for the Temporal UI.
        closed_batches: of which word has come that they have closed.
        news: steps of which word has come that an event may have.
    """

    cursor: str
    story: list[str] = field(default_factory=list)
    closed_batches: list[str] = field(default_factory=list)
    news: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecipientRunInput:
    """Start a run: ids only; or go on with one in a new history."""

    run_id: str
    environment_id: str
    version: int = 1
    so_far: RunSoFar | None = None


@dataclass(frozen=True, slots=True)
class AdvanceInput:
    """Walk on from a cursor.

    Attributes:
        run_id: which run.
        environment_id: where.
        cursor: see `domain/workflows/cursor.py`.
        cancel: whether Temporal was told to cancel the run.
        speaks: the kinds of directives that the calling workflow can obey; a walk that needs
            another one waits for a newer worker.
    """

    run_id: str
    environment_id: str
    cursor: str = START
    cancel: bool = False
    speaks: list[str] = field(default_factory=lambda: list(FIRST_KINDS))


@dataclass(frozen=True, slots=True)
class DeliveryOrder:
    """Hand one message to its provider.

    Attributes:
        message_id: the message.
        queue: the task queue of its channel type.
        label: step and channel, for the Temporal UI.
        not_before: epoch seconds of the opening of its send window, or None for now.
    """

    message_id: str
    queue: str
    label: str
    not_before: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The walk is over."""

    kind: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True)
class WalkOn:
    """The walk has used its budget: walk on at once, in the next transaction."""

    kind: Literal["walk_on"] = "walk_on"


@dataclass(frozen=True, slots=True)
class SleepUntil:
    """Sleep until an instant in epoch seconds; `label` says what for, for the Temporal UI."""

    until: float
    label: str = ""
    kind: Literal["sleep_until"] = "sleep_until"


@dataclass(frozen=True, slots=True)
class HttpFetchInput:
    """Make one attempt at the request of a fetch step."""

    run_id: str
    environment_id: str
    step_ref: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Fetch:
    """Have a request sent, then walk on; the walk finds what came of it.

    Attributes:
        attempt: which request, and which attempt at it.
        not_before: epoch seconds until when to wait first, or None for now.
        label: for the Temporal UI.
    """

    attempt: HttpFetchInput
    not_before: float | None = None
    label: str = ""
    kind: Literal["fetch"] = "fetch"


@dataclass(frozen=True, slots=True)
class AwaitBatch:
    """Wait until a batch has closed.

    Attributes:
        batch_id: which batch.
        until: when its window closed as it stood then, in epoch seconds; the end may move.
        label: what for, for the Temporal UI.
    """

    batch_id: str
    until: float
    label: str = ""
    kind: Literal["await_batch"] = "await_batch"


@dataclass(frozen=True, slots=True)
class AwaitEvent:
    """Wait for word that an event may have come that a step waits for.

    Attributes:
        step_ref: which step.
        until: how long, in epoch seconds.
        label: what for, for the Temporal UI.
    """

    step_ref: str
    until: float
    label: str = ""
    kind: Literal["await_event"] = "await_event"


Directive: TypeAlias = Annotated[
    Finished | WalkOn | SleepUntil | Fetch | AwaitBatch | AwaitEvent, Field(discriminator="kind")
]


@dataclass(frozen=True, slots=True)
class Advanced:
    """What a walk returns.

    Attributes:
        next: what its workflow has to do next.
        cursor: where the next walk starts.
        deliveries: messages to hand over, each at most once by the workflow.
        story: one line per step that was walked, for the Temporal UI.
        status: the run's status after the walk.
    """

    next: Directive
    cursor: str = START
    deliveries: list[DeliveryOrder] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    status: str = ""

"""The contract of what brings something to somebody outside: messages, and events of webhooks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliverMessageInput:
    """Try to deliver one message.

    Attributes:
        retry: counts manual retries (0: the run's own delivery).
        queue: the task queue of its channel type; set for a first attempt.
    """

    message_id: str
    environment_id: str
    retry: int = 0
    queue: str = ""


@dataclass(frozen=True, slots=True)
class FirstAttempt:
    """What came of a first attempt: settled with a final status, or why it goes on elsewhere."""

    settled: bool
    state: str = ""


@dataclass(frozen=True, slots=True)
class MessageDeliveryInput:
    """Deliver one message apart from its run: retried, moved, released, or left over by it."""

    delivery: DeliverMessageInput
    queue: str
    label: str


@dataclass(frozen=True, slots=True)
class StatusCheckInput:
    """Ask the vendor of a message what became of it, as it was sent by its `retry`-th retry.

    `queue` is that of its channel type, `label` what the Temporal UI shows.
    """

    message_id: str
    environment_id: str
    retry: int
    queue: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class WebhookDeliveryInput:
    """Tell an endpoint of an event; `label` is what the Temporal UI shows."""

    delivery_id: str
    environment_id: str
    label: str = ""

"""The contract of work in the background: the sweep, bulk operations, events of sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SweepInput:
    """Sweep: the duties to do, by name."""

    duties: list[str]


@dataclass(frozen=True, slots=True)
class BulkOperationInput:
    """Work on a bulk operation until it is over."""

    operation_id: str
    environment_id: str


@dataclass(frozen=True, slots=True)
class BulkState:
    """What has become of a bulk operation after a turn of work."""

    is_over: bool


@dataclass(frozen=True, slots=True)
class SourceEventInput:
    """Take the actions of an event that a source has sent; `environment` is a slug."""

    event_id: str
    environment_id: str
    environment: str

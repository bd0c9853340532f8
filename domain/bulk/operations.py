"""Bulk operations as they are stored: one row each, and its items for as long as they are open.

Source: Knock API reference, "Bulk operations".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope

# Knock API reference: what one request of each kind may hold. Where it names no number, the same.
MAX_ITEMS = 1_000
# As many failed items as an answer lists; how many there are is counted.
MAX_LISTED_ERRORS = 1_000
# Kinds whose items are the rows of a file: the number of each is the line on which it begins.
ADD_LISTED_MEMBERS = "audiences.add_members"
SET_RECIPIENTS = "broadcasts.set_recipients"
OF_FILES = frozenset({ADD_LISTED_MEMBERS, SET_RECIPIENTS})
# Kinds that take users away.
DELETE_USERS = "users.delete"
MERGE_USERS = "users.merge"


class BulkStatus(StrEnum):
    """Where a bulk operation stands."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


OPEN_BULK = (BulkStatus.QUEUED, BulkStatus.PROCESSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOperation:
    """A bulk operation as it is shown; `name` says what it does, such as `users.identify`.

    `fault` is type and id of the fault of ours that holds it up; None while it moves.
    """

    id: UUID
    name: str
    status: str
    estimated_total_rows: int
    processed_rows: int
    success_count: int
    error_count: int
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    inserted_at: datetime
    updated_at: datetime
    fault: str | None = None

    @property
    def is_of_file(self) -> bool:
        """Tell whether the numbers of its items are lines of a file."""
        return self.name in OF_FILES


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBulk:
    """A bulk operation that is being worked on.

    Attributes:
        environment: slug.
        settings: what all of its items have in common.
        position: how far it has come, where its rows are looked for and not given.
    """

    id: UUID
    environment_id: UUID
    environment: str
    name: str
    status: str
    settings: JsonObject
    position: JsonObject | None

    @property
    def scope(self) -> EnvironmentScope:
        """Return where it happens."""
        return EnvironmentScope(self.environment_id, self.environment)


@dataclass(frozen=True, slots=True)
class BulkItem:
    """One item that was not dealt with yet.

    Attributes:
        number: its place in the request.
        content: as the request gave it; None when it could not be read.
        error: why it could not be read.
    """

    number: int
    content: JsonObject | None
    error: str | None


@dataclass(frozen=True, slots=True)
class NewBulkItem:
    """One item of a request.

    Attributes:
        id: whom a failure is told of; empty when the request does not say.
        collection: of an object.
        content: what to do; None when it cannot be read.
        error: why it cannot be read.
        said: what to do as it was read, for whoever does it at once; not stored.
    """

    id: str
    collection: str | None
    content: JsonObject | None = None
    error: str | None = None
    said: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkFailure:
    """An item that failed, and why; `number` is its place in the request."""

    number: int
    id: str
    collection: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Stride:
    """What one transaction of a bulk operation did.

    Attributes:
        processed: how many rows were dealt with.
        failed: how many of them in vain.
        is_over: whether none is left.
        position: how far it has come; None leaves that as it is.
        is_given_up: whether it is over because nobody wants any more what is left of it.
    """

    processed: int
    failed: int
    is_over: bool
    position: JsonObject | None = None
    is_given_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckBulk:
    """An operation that has not moved for a while; `environment` is a slug."""

    id: UUID
    environment_id: UUID
    environment: str
    name: str
    updated_at: datetime

"""Parts at the edge that are away for a while: a database, and Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from temporalio.service import RPCError, RPCStatusCode

from domain.kit.errors import Unavailable
from runtime.database import Connection, Database
from tests.support.temporal_recorder import TemporalRecorder


class InterruptedDatabase(Database):
    """Lends connections of another database, except while it is `away`.

    `away` is how many more times it answers that it cannot be reached; `works` how many times it
    works before that.
    """

    def __init__(self, behind: Database, *, away: int, works: int = 0) -> None:
        self._behind = behind
        self.away = away
        self.works = works

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection, or be away."""
        if self.works > 0:
            self.works -= 1
        elif self.away > 0:
            self.away -= 1
            raise Unavailable("The database is unavailable; try again.")
        async with self._behind.connection() as connection:
            yield connection


class DeafDatabase(Database):
    """Does what it is asked, and `unheard` more times loses the answer, of a commit for instance.

    `works` is how many connections it lends before that.
    """

    def __init__(self, behind: Database, *, unheard: int = 0, works: int = 0) -> None:
        self._behind = behind
        self.unheard = unheard
        self.works = works

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection, and perhaps fail once all was done."""
        async with self._behind.connection() as connection:
            yield connection
        if self.works > 0:
            self.works -= 1
        elif self.unheard > 0:
            self.unheard -= 1
            raise Unavailable("The database is away; try again.")


@dataclass
class FailingTemporal(TemporalRecorder):
    """Answers every start with an error while `failing`, as the real client would raise it."""

    status: RPCStatusCode = RPCStatusCode.UNAVAILABLE
    failing: bool = True
    asked: int = 0

    async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
        """Fail, or record a start."""
        self.asked += 1
        if self.failing:
            raise RPCError("no", self.status, b"")
        return await super().start_workflow(workflow, *args, **options)

    def get_workflow_handle(self, workflow_id: str, **options: Any) -> Any:
        """Return a handle whose signal fails, or one that records."""
        handle = super().get_workflow_handle(workflow_id, **options)
        return _FailingHandle(self.status) if self.failing else handle


@dataclass
class _FailingHandle:
    status: RPCStatusCode

    async def signal(self, *args: Any, **options: Any) -> None:
        """Fail."""
        raise RPCError("no", self.status, b"")

"""What a use case is given: the parts of a process, and a unit of work.

A public function of `services` is a use case. It takes the engine first and the environment second,
opens its own unit or connection, and returns typed values. What several use cases share takes a
`Unit` (or a `Connection`, when it only reads) and opens nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from temporalio.client import Client

from domain.kit.clock import Clock
from domain.kit.zones import first_zone
from runtime.breaker import Breaker
from runtime.database import Connection, Database
from runtime.settings import Settings
from runtime.vault import Vault

if TYPE_CHECKING:  # `services/composition.py` makes them; their modules know the engine
    from services.channels.provider_pool import ProviderPool
    from services.content.catalog import Catalog
    from services.deliveries.limits import DeliveryLimits
    from services.deliveries.under_way import DeliveriesUnderWay
    from services.json_schemas import SchemaCache
    from services.realtime.under_way import NewsUnderWay
    from services.runs.temporal_retention import TemporalRetention
    from services.tracking.under_way import SightingsUnderWay
    from services.triggers.under_way import ReleasesUnderWay
    from services.waits.under_way import WaitsUnderWay
    from services.walk.trigger_data import TriggerData


class BuildAudiences(Protocol):
    """Makes audiences that were just published known to those who ask who is in them."""

    async def __call__(self, engine: Engine, audiences: Collection[tuple[UUID, str]]) -> None:
        """Do it as far as it is soon done, and leave the rest to the sweep. Never raises."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of one process, and what it remembers between requests and walks.

    Attributes:
        settings: see `runtime/settings.py`.
        database: the pool of connections.
        temporal: the client of the Temporal server.
        vault: seals and opens credentials.
        clock: tells the time of every unit of work.
        temporal_breaker: whether Temporal counts as away, for all that may do without it.
        catalog: definitions and configuration, by version.
        json_schemas: compiled JSON Schemas of published content.
        trigger_data: the decoded data of triggers for many.
        providers: the providers, with their connections.
        delivery_limits: how many calls go to each server and channel, and which are left alone.
        deliveries_under_way: the attempts that this process makes.
        releases_under_way: what this process has promised to start and not started yet.
        temporal_retention: for how long Temporal remembers what has ended.
        waits_under_way: whether this process tells runs of events that they wait for.
        sightings_under_way: what this process has seen of messages and not stored yet.
        news_under_way: what this process is about to tell those whom browsers listen to.
        build_audiences: called once audiences were published, with their environments and keys;
            the area of content cannot know that of audiences.
    """

    settings: Settings
    database: Database
    temporal: Client
    vault: Vault
    clock: Clock
    temporal_breaker: Breaker
    catalog: Catalog
    json_schemas: SchemaCache
    trigger_data: TriggerData
    providers: ProviderPool
    delivery_limits: DeliveryLimits
    deliveries_under_way: DeliveriesUnderWay
    releases_under_way: ReleasesUnderWay
    temporal_retention: TemporalRetention
    waits_under_way: WaitsUnderWay
    sightings_under_way: SightingsUnderWay
    news_under_way: NewsUnderWay
    build_audiences: BuildAudiences

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection outside any transaction, for single statements and for reading.

        Raises:
            Unavailable: PostgreSQL cannot be reached, takes no writes, or is too busy.
            QueryTooSlow: a statement ran out of time.
        """
        return self.database.connection()

    def zone_of(self, given: object) -> str:
        """Return the time zone of somebody who gives this one: it if it is one, or the default."""
        return first_zone(given, self.settings.default_timezone)

    def keeps_since(self, now: datetime) -> datetime:
        """Return the instant before which everything is past the retention."""
        days = self.settings.retention_days
        return now - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """Open a unit of work: one transaction, and after its commit what was left for then.

        Raises:
            Unavailable: PostgreSQL cannot be reached, takes no writes, is too busy, or went away
                in the middle.
            QueryTooSlow: a statement ran out of time.
        """
        async with self.database.transaction() as connection:
            unit = Unit(self, connection, self.clock())
            yield unit
        for effect in unit.effects:
            await effect()


@dataclass(slots=True)
class Unit:
    """One use case's transaction.

    Attributes:
        engine: whose unit this is.
        connection: inside the transaction.
        now: one instant for all that the unit does.
        owed: ids of the effects that `services/effects.py` has recorded in this transaction.
        effects: what follows the commit, in this order.
        new_audiences: environments and keys of the audiences that the unit publishes.
    """

    engine: Engine
    connection: Connection
    now: datetime
    owed: list[UUID] = field(default_factory=list)
    effects: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    new_audiences: list[tuple[UUID, str]] = field(default_factory=list)

    def after(self, effect: Callable[[], Awaitable[object]]) -> None:
        """Do something once the transaction is committed, and never when it is not.

        The process may die in between, so whatever has to happen is also recorded in the
        transaction, where the sweep finds it; and it must be harmless to repeat.
        """
        self.effects.append(effect)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Do a part of the unit that is taken back when it raises, while the unit goes on.

        Nothing of it is left then: no rows, nothing owed, nothing that would follow the commit.
        Costs two statements.
        """
        lists: tuple[list[Any], ...] = (self.owed, self.effects, self.new_audiences)
        marks = [len(each) for each in lists]
        try:
            async with self.connection.transaction():
                yield
        except BaseException:
            for each, mark in zip(lists, marks, strict=True):
                del each[mark:]
            raise

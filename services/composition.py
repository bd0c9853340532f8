"""Makes the engine of a process, and closes it: at its top; nothing below looks anything up."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from ipaddress import ip_address
from uuid import UUID

from temporalio.client import Client

from domain.kit.clock import Clock, utc_now
from domain.kit.errors import AppError
from runtime.breaker import Breaker
from runtime.database import Database
from runtime.logs import get_logger
from runtime.settings import DEVELOPMENT_SECRET_KEY, Settings
from runtime.temporal import connect
from runtime.vault import Vault
from services.channels.provider_pool import ProviderPool
from services.content.catalog import Catalog
from services.deliveries.limits import DeliveryLimits
from services.deliveries.under_way import DeliveriesUnderWay
from services.engine import Engine
from services.json_schemas import SchemaCache
from services.realtime.under_way import NewsUnderWay
from services.runs.temporal_retention import TemporalRetention
from services.tracking.recording import close_recording
from services.tracking.under_way import SightingsUnderWay
from services.triggers.releases import close_releases
from services.triggers.under_way import ReleasesUnderWay
from services.waits.telling import close_telling
from services.waits.under_way import WaitsUnderWay
from services.walk.trigger_data import TriggerData

_log = get_logger(__name__)

# After so many failures in a row nobody waits for Temporal, but for one per second.
_FAILURES = 5
_PROBE_SECONDS = 1.0


def compose_engine(
    settings: Settings, database: Database, temporal: Client, vault: Vault, clock: Clock = utc_now
) -> Engine:
    """Make an engine that remembers nothing yet from parts that the caller opens and closes."""
    return Engine(
        settings,
        database,
        temporal,
        vault,
        clock,
        temporal_breaker=Breaker(failures=_FAILURES, pause=_PROBE_SECONDS),
        catalog=Catalog(vault),
        json_schemas=SchemaCache(),
        trigger_data=TriggerData(),
        providers=ProviderPool(settings),
        delivery_limits=DeliveryLimits(settings.worker_delivery_slots),
        deliveries_under_way=DeliveriesUnderWay(),
        releases_under_way=ReleasesUnderWay(),
        temporal_retention=TemporalRetention(),
        waits_under_way=WaitsUnderWay(),
        sightings_under_way=SightingsUnderWay(),
        news_under_way=NewsUnderWay(),
        build_audiences=_build_audiences,
    )


async def _build_audiences(engine: Engine, audiences: Collection[tuple[UUID, str]]) -> None:
    """See `BuildAudiences`; imported late, because few commands publish and all are waited for."""
    from services.audiences.refresh import build_at_once

    await build_at_once(engine, audiences)


@asynccontextmanager
async def open_engine(settings: Settings, *, process: str, lazy: bool) -> AsyncIterator[Engine]:
    """Open the parts for one process and close them after.

    Args:
        settings: see `runtime/settings.py`.
        process: names the process to Temporal, for example `api`.
        lazy: do not wait for Temporal.

    Raises:
        AppError: the secret key is the public one, and this is not a development machine.
    """
    _judge_secret_key(settings)
    database = Database(settings.database_url, size=settings.database_pool_size)
    await database.open()
    try:
        identity = f"carillon-{process}@{socket.gethostname()}:{os.getpid()}"
        client = await connect(settings, lazy=lazy, identity=identity)
        engine = compose_engine(settings, database, client, Vault(settings.secret_keys))
        try:
            yield engine
        finally:
            await close_engine(engine)
    finally:
        await database.close()


@asynccontextmanager
async def open_for_command(settings: Settings, *, process: str) -> AsyncIterator[Engine]:
    """Open the parts for a command that somebody waits for, and that ends by itself.

    It fails at once where a process that serves would wait for the database.

    Args:
        settings: see `runtime/settings.py`.
        process: names the process to Temporal.

    Raises:
        Unavailable: the database cannot be reached.
        AppError: see `open_engine`.
    """
    await Database(settings.database_url).require()
    async with open_engine(settings, process=process, lazy=True) as engine:
        yield engine


async def close_engine(engine: Engine) -> None:
    """End what a process has under way beside its requests and activities, in a second or two.

    What it has promised has a moment to be done; the rest is the sweep's. The parts that were given
    to the engine stay open.
    """
    await close_recording(engine.sightings_under_way)
    await close_releases(engine)
    await close_telling(engine)
    await engine.providers.close()


def _judge_secret_key(settings: Settings) -> None:
    """Refuse to encrypt credentials with a key that everybody can read in the source.

    A machine is taken for a developer's when the API listens on loopback only, or private targets
    may be called. There, and where the public key is only kept to decrypt, a warning is enough.
    """
    if DEVELOPMENT_SECRET_KEY not in settings.secret_keys:
        return
    advice = "set CARILLON_SECRET_KEY to your own key"
    try:
        is_loopback = ip_address(settings.api_host.strip("[]")).is_loopback
    except ValueError:  # a name
        is_loopback = settings.api_host.lower() == "localhost"
    is_development = is_loopback or settings.allow_private_egress
    if settings.secret_keys[0] == DEVELOPMENT_SECRET_KEY and not is_development:
        raise AppError(f"CARILLON_SECRET_KEY is the public development key: {advice}")
    _log.warning("secret_key_is_public", detail=advice)

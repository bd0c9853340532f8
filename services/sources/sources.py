"""Sources: set up, shown, and what they have sent (Knock Management API, "Sources").

They are not versioned and work at once. Secrets are written by an API of ours, where Knock has its
dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.account.environments import Environment
from domain.kit.clock import iso
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.kit.stored import is_content_key
from domain.sources.providers import PROVIDERS
from domain.sources.requests import MappingIn, SourceIn
from domain.sources.rows import (
    KnownEvent,
    LogFilters,
    Source,
    SourceEnvironment,
    SourceFigures,
    SourceLog,
)
from domain.sources.verification import VerificationIn
from domain.webhooks.events import SOURCE_ACTION_UPDATED
from models.queries.account.environments import all_environments
from models.queries.content.drafts import lock_publication
from models.queries.sources import events as event_statements
from models.queries.sources import sources as statements
from runtime.database import Connection
from runtime.tokens import new_token
from services.engine import Engine, Unit
from services.overwriting import keep_unreadable
from services.webhooks.telling import tell_of_content

_FIGURES_OF = timedelta(days=30)
# When a mapping was written, which is no part of what it does.
_TIMES = ("created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source, and how it works in each environment."""

    source: Source
    environments: tuple[SourceEnvironment, ...]


async def list_sources(engine: Engine) -> list[SourceView]:
    """Return all sources by key."""
    async with engine.connection() as connection:
        return await _views(connection, await statements.list_sources(connection))


async def get_source(engine: Engine, key: str) -> SourceView:
    """Return a source. Raises NotFound."""
    async with engine.connection() as connection:
        return (await _views(connection, [await _find(connection, key)]))[0]


async def put_source(engine: Engine, key: str, wanted: SourceIn) -> SourceView:
    """Create a source, or change it; it has an address of its own in every environment.

    Args:
        engine: the parts of this process.
        key: of the source.
        wanted: what is said of it. Settings are laid over those of before, mappings replace them;
            of a new source those of its provider, if it names one.

    Raises:
        InvalidParams: the key is none, or an environment does not exist.
    """
    if not is_content_key(key):
        raise InvalidParams.of("key", "must be 3 to 255 characters of a-z, 0-9, - and _")
    async with engine.unit() as unit:
        # An environment that is just being made would have no address of a source made meanwhile.
        await lock_publication(unit.connection)
        environments = await _environments(unit.connection)
        given = wanted.environment_settings or {}
        unknown = [slug for slug in given if slug not in environments]
        if unknown:
            place = f"source.environment_settings.{unknown[0][:255]}"
            raise InvalidParams.of(place, "is not an environment")
        said = Source(
            id=new_id(),
            key=key,
            name=wanted.name,
            description=wanted.description,
            custom_image_url=wanted.custom_image_url,
            inserted_at=unit.now,
            updated_at=unit.now,
        )
        source = await statements.upsert_source(unit.connection, said)
        endpoints = {each.id: new_token("") for each in environments.values()}
        await statements.add_environments(unit.connection, source.id, endpoints, unit.now)
        [before] = await _views(unit.connection, [source])
        if source.id == said.id:
            await _begin(unit, source, wanted.preconfigured_provider)
        known = {each.environment: each.mappings for each in before.environments}
        for slug, settings in given.items():
            await statements.set_environment(
                unit.connection,
                environments[slug].id,
                source.id,
                settings={} if settings.settings is None else settings.settings.said(),
                mappings=_stored(settings.mappings, known[slug], unit.now),
                now=unit.now,
            )
        [view] = await _views(unit.connection, [source])
        await _tell_of_mappings(unit, before, view)
        return view


async def _tell_of_mappings(unit: Unit, before: SourceView, after: SourceView) -> None:
    """Tell webhooks which actions of a source are new or different, in each environment."""
    known = {each.environment_id: list(map(_said, each.mappings)) for each in before.environments}
    for each in after.environments:
        changed = [
            {"source_key": after.source.key, "environment": each.environment, **mapping}
            for mapping in each.mappings
            if _said(mapping) not in known[each.environment_id]
        ]
        if changed:
            await tell_of_content(unit, each.environment_id, SOURCE_ACTION_UPDATED, *changed)


def _said(mapping: JsonObject) -> JsonObject:
    """Return what an operator has said of an action, without when."""
    return {name: value for name, value in mapping.items() if name not in _TIMES}


async def _begin(unit: Unit, source: Source, provider_key: str | None) -> None:
    """Let a new source have what its provider begins with, in every environment."""
    provider = PROVIDERS.get(provider_key or "")
    if provider is not None:
        mappings = [MappingIn.model_validate(each) for each in provider.mappings]
        await statements.set_environments(
            unit.connection,
            source.id,
            settings=provider.settings,
            mappings=_stored(mappings, [], unit.now) or [],
            now=unit.now,
        )


def _stored(
    mappings: list[MappingIn] | None, before: Sequence[JsonObject], now: datetime
) -> list[JsonObject] | None:
    """Return mappings as they are stored; None leaves those of before.

    One that says what it said before keeps its times. One that does the same kind of action for the
    same event as one that is gone takes its place, and has only changed.
    """
    if mappings is None:
        return None
    said = [each.model_dump(exclude={"is_deleted"}) for each in mappings if not each.is_deleted]
    gone = [each for each in before if _said(each) not in said]
    stored = []
    for mapping in said:
        kept = next((each for each in before if _said(each) == mapping), None)
        if kept is not None:
            stored.append(kept)
            continue
        earlier = next((each for each in gone if _subject(each) == _subject(mapping)), None)
        if earlier is not None:
            gone.remove(earlier)
        created = earlier and earlier.get("created_at")
        stored.append({**mapping, "created_at": created or iso(now), "updated_at": iso(now)})
    return stored


def _subject(mapping: JsonObject) -> tuple[str, str]:
    return mapping["event_type"], mapping["action_type"]


async def put_verification(
    engine: Engine, environment: EnvironmentScope, key: str, wanted: VerificationIn
) -> SourceView:
    """Say how a source signs what it sends to an environment.

    Raises:
        NotFound: there is no such source.
        Unprocessable: `sealed_with_other_key`.
    """
    async with engine.unit() as unit:
        found = await _find_environment(unit.connection, environment, key)
        what, replace = f"the source {key}", wanted.replace_unreadable
        keep_unreadable(engine.vault, found.sealed_secret, what, replace=replace)
        await statements.set_verification(
            unit.connection,
            environment.id,
            found.source_id,
            verification=wanted.described(),
            sealed_secret=engine.vault.seal({"secret": wanted.secret}, secret_place(found)),
            now=unit.now,
        )
        return (await _views(unit.connection, [await _find(unit.connection, key)]))[0]


async def rotate_endpoint(engine: Engine, environment: EnvironmentScope, key: str) -> SourceView:
    """Give a source a new address in an environment; the old one ends at once. Raises NotFound."""
    async with engine.unit() as unit:
        found = await _find_environment(unit.connection, environment, key)
        await statements.set_endpoint(
            unit.connection,
            environment.id,
            found.source_id,
            endpoint_id=new_token(""),
            now=unit.now,
        )
        return (await _views(unit.connection, [await _find(unit.connection, key)]))[0]


async def list_known_events(
    engine: Engine, environment: EnvironmentScope, key: str
) -> list[KnownEvent]:
    """Return the names under which a source has sent events. Raises NotFound."""
    async with engine.connection() as connection:
        await _find(connection, key)
        return await event_statements.known_events(connection, environment.id, key)


async def list_logs(
    engine: Engine,
    environment: EnvironmentScope,
    key: str,
    filters: LogFilters,
    request: PageRequest,
) -> Page[SourceLog]:
    """Return a page of what a source has sent, newest first.

    Raises:
        NotFound: there is no such source.
        InvalidParams: the date is none.
    """
    try:
        date.fromisoformat(filters.date or "2000-01-01")
    except ValueError:
        raise InvalidParams.of("date", "must be a date such as 2026-01-31") from None
    async with engine.connection() as connection:
        await _find(connection, key)
        page = await event_statements.list_events(connection, environment.id, key, filters, request)
        if not filters.include:
            return page.of(map(SourceLog, page.rows))
        taken = await event_statements.actions_of(connection, [row.id for row in page.rows])
        return page.of(
            SourceLog(row, [each for each in taken if each.event_id == row.id]) for row in page.rows
        )


async def get_status(
    engine: Engine, environment: EnvironmentScope, key: str
) -> tuple[SourceFigures, int]:
    """Count the events of the last 30 days, and the mappings. Raises NotFound."""
    since = engine.clock() - _FIGURES_OF
    async with engine.connection() as connection:
        await _find(connection, key)
        settings = await statements.find_environment(connection, environment.id, key)
        figures = await event_statements.figures(connection, environment.id, key, since=since)
    return figures, 0 if settings is None else len(settings.mappings)


def secret_place(environment: SourceEnvironment) -> str:
    """Name the place that the secret of a source is sealed to."""
    return f"source/{environment.source_id}/{environment.environment_id}"


async def _environments(connection: Connection) -> dict[str, Environment]:
    return {row.slug: row for row in await all_environments(connection)}


async def _find(connection: Connection, key: str) -> Source:
    source = await statements.find_source(connection, key)
    if source is None:
        raise NotFound("The source does not exist.")
    return source


async def _find_environment(
    connection: Connection, environment: EnvironmentScope, key: str
) -> SourceEnvironment:
    found = await statements.find_environment(connection, environment.id, key)
    if found is None:
        raise NotFound("The source does not exist in this environment.")
    return found


async def _views(connection: Connection, sources: Sequence[Source]) -> list[SourceView]:
    found = await statements.environments_of(connection, [source.id for source in sources])
    return [
        SourceView(source, tuple(each for each in found if each.source_id == source.id))
        for source in sources
    ]

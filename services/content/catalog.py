"""What a process remembers of configuration: channels, published content, compiled definitions.

Versions never change, so they are kept by id. Channels and the list of what is published are kept
under the environment's configuration version, which the database raises with every change: a walk
reads it in its transaction, a request with its credential, so nothing has to be invalidated.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.rows import StoredChannel
from domain.channels.types import ChannelType
from domain.conditions import ConditionGroup, read_condition_group
from domain.content.audience import AUDIENCE
from domain.content.kind import KindOfContent
from domain.content.kinds import BRANCHED, KINDS
from domain.content.message_type import MESSAGE_TYPE, MessageType
from domain.content.partial import PARTIAL, Partial
from domain.content.rows import Published
from domain.content.translation import NO_TRANSLATIONS, TRANSLATION, Translations
from domain.content.variables import NO_VARIABLES, Variables
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.recent import Recent
from domain.workflows.channel_groups import GroupRule, StoredGroup, read_rules
from models.queries.channels.groups import all_groups
from models.queries.content import catalog as statements
from models.queries.events.outbox import subscribed_events
from models.queries.preferences.defaults import get_default_set
from runtime.database import Connection
from runtime.logs import get_logger
from runtime.vault import Vault
from services.content.variables import load_variables

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
# The id of an environment, or of a branch, and a configuration version.
_Versioned: TypeAlias = tuple[UUID, int]
_log = get_logger(__name__)

_REMEMBERED_VERSIONS = 2_000
_REMEMBERED_ENVIRONMENTS = 50


@dataclass(frozen=True, slots=True)
class ConfiguredChannel:
    """A channel as one environment has it; what is secret of its settings is still sealed.

    `problem` says why it cannot be used, when it was stored by a version that this one does not
    understand.
    """

    id: UUID
    key: str
    channel_type: ChannelType
    provider: str
    is_sandbox: bool
    settings: JsonObject
    sealed_settings: bytes | None
    provider_settings: bytes
    conditions: ConditionGroup | None
    problem: str | None = None

    @property
    def shows_guides(self) -> bool:
        """Tell whether it is a channel of guides, and not of messages of steps."""
        return not CHANNEL_KINDS[self.channel_type].has_steps

    @classmethod
    def read(cls, row: StoredChannel) -> ConfiguredChannel | None:
        """Read a stored channel; what cannot be read is unusable, and spoils nothing beside it."""
        try:
            channel_type = ChannelType(row.channel_type)
        except ValueError:
            _log.warning("channel_passed_over", channel=row.key, reason="unknown channel type")
            return None
        settings, problem = row.channel_settings, None
        if not isinstance(settings, dict):
            settings, problem = {}, "its settings are not an object"
            _log.warning("channel_unusable", channel=row.key, reason=problem)
        return cls(
            id=row.id,
            key=row.key,
            channel_type=channel_type,
            provider=row.provider,
            is_sandbox=row.is_sandbox,
            settings=settings,
            sealed_settings=row.sealed_channel_settings,
            provider_settings=row.provider_settings,
            conditions=read_condition_group(row.conditions),
            problem=problem,
        )


@dataclass(frozen=True, slots=True)
class ConfiguredGroup:
    """A channel group, its rules ready to be judged."""

    key: str
    channel_type: str
    operator: str
    rules: tuple[GroupRule, ...]

    @classmethod
    def read(cls, row: StoredGroup) -> ConfiguredGroup:
        """Read a stored group; rules that cannot be read let nothing through."""
        return cls(row.key, row.channel_type, row.operator, read_rules(row.channel_rules))


@dataclass(frozen=True)
class Configuration:
    """All of an environment's channels, by key, and what content is published, by kind and key.

    Attributes:
        subscribed: names the events that somebody wants to hear of (`services/events/outbox.py`).
        variables: what templates see as `vars`.
        preferences: the default set of the environment, if it has one.
        partials: those that are published, by key; templates render them at any moment.
        translations: those that are published.
        message_types: those that are published, by key; they say what guides are made of.
        groups: the account's channel groups, by key.
    """

    channels: dict[str, ConfiguredChannel]
    content: dict[tuple[str, str], Published]
    subscribed: frozenset[str] = frozenset()
    variables: Variables = NO_VARIABLES
    preferences: JsonObject | None = None
    groups: Mapping[str, ConfiguredGroup] = field(default_factory=dict)
    partials: Mapping[str, Partial] = field(default_factory=dict)
    translations: Translations = NO_TRANSLATIONS
    message_types: Mapping[str, MessageType] = field(default_factory=dict)

    def channel_with(self, channel_id: UUID) -> ConfiguredChannel | None:
        """Return the channel with an id, or None where it is not set up here."""
        found = (each for each in self.channels.values() if each.id == channel_id)
        return next(found, None)

    def published(self, kind: KindOfContent[Any], key: str) -> Published | None:
        """Return which version of a piece of content is published, or None without any content."""
        return self.content.get((kind.name, key))

    @cached_property
    def audiences(self) -> tuple[Published, ...]:
        """Return the audiences that are published and not archived, by key."""
        found = (one for (kind, _), one in self.content.items() if kind == AUDIENCE.name)
        return tuple(sorted((one for one in found if one.is_active), key=lambda one: one.key))


async def _known(recent: Recent[K, T], key: K, load: Callable[[], Awaitable[T]]) -> T:
    """Return the value of a key, loading it at its first use."""
    value = recent.get(key)
    if value is None:
        value = await load()
        recent.put(key, value)
    return value


class Catalog:
    """Loads configuration and content once for each version of them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._configurations: Recent[_Versioned, Configuration] = Recent(_REMEMBERED_ENVIRONMENTS)
        self._compiled: Recent[UUID, Any] = Recent(_REMEMBERED_VERSIONS)
        self._by_audience: Recent[_Versioned, dict[str, list[str]]] = Recent(
            _REMEMBERED_ENVIRONMENTS
        )

    async def configuration(
        self,
        connection: Connection,
        environment_id: UUID,
        version: int,
        *,
        branch_id: UUID | None,
    ) -> Configuration:
        """Return the configuration of an environment at the version that the caller has read.

        On a branch it has the content of the branch, and everything else from the environment,
        whose version is raised by what is published on its branches too.
        """

        async def load() -> Configuration:
            stored = await statements.configured_channels(connection, environment_id)
            channels = (channel for row in stored if (channel := ConfiguredChannel.read(row)))
            # A kind of content that only a newer process knows is nothing to this one.
            own = branch_id or environment_id
            homes = [(own if name in BRANCHED else environment_id, name) for name in KINDS]
            published = await statements.published_content(connection, homes)
            return Configuration(
                {channel.key: channel for channel in channels},
                {(row.resource_type, row.key): row for row in published},
                await subscribed_events(connection, environment_id),
                preferences=await get_default_set(connection, environment_id),
                variables=await load_variables(connection, self._vault, environment_id),
                partials=await self._all(connection, PARTIAL, published),
                translations=Translations.of(await self._all(connection, TRANSLATION, published)),
                message_types=await self._all(connection, MESSAGE_TYPE, published),
                groups={row.key: ConfiguredGroup.read(row) for row in await all_groups(connection)},
            )

        return await _known(self._configurations, (branch_id or environment_id, version), load)

    async def current(self, connection: Connection, environment: EnvironmentScope) -> Configuration:
        """Return the configuration that an environment had when its credential was read, or now."""
        version = environment.config_version
        if version is None:
            version = await statements.config_version(connection, environment.id)
        return await self.configuration(
            connection, environment.id, version, branch_id=environment.branch_id
        )

    async def workflows_of_audience(
        self, connection: Connection, environment_id: UUID, version: int, audience_key: str
    ) -> list[str]:
        """Return the keys of the active workflows that an audience triggers, at that version."""

        async def load() -> dict[str, list[str]]:
            return await statements.workflows_by_audience(connection, environment_id)

        found = await _known(self._by_audience, (environment_id, version), load)
        return found.get(audience_key, [])

    async def compiled(self, connection: Connection, kind: KindOfContent[T], version_id: UUID) -> T:
        """Return a version as its kind reads it. Raises LookupError for an unknown id."""

        async def load() -> T:
            row = await statements.version_content(connection, version_id)
            if row is None:
                raise LookupError(f"there is no {kind.noun} version {version_id}")
            return kind.read(row.content, row.key)

        found: T = await _known(self._compiled, version_id, load)
        return found

    async def _all(
        self, connection: Connection, kind: KindOfContent[T], published: Iterable[Published]
    ) -> dict[str, T]:
        """Return everything that is published of a kind, by key; archived content stays in use."""
        wanted = {
            one.version_id: one.key
            for one in published
            if one.resource_type == kind.name and one.version_id is not None
        }
        # There may be more of them than are remembered.
        known = ((each, self._compiled.get(each)) for each in wanted)
        compiled: dict[UUID, T] = {each: found for each, found in known if found is not None}
        unknown = [each for each in wanted if each not in compiled]
        for row in await statements.version_contents(connection, unknown) if unknown else ():
            compiled[row.id] = kind.read(row.content, row.key)
            self._compiled.put(row.id, compiled[row.id])
        return {key: compiled[each] for each, key in wanted.items()}

    async def compiled_by_key(
        self,
        connection: Connection,
        kind: KindOfContent[T],
        configuration: Configuration,
        key: str,
    ) -> T | None:
        """Return the published content of a key, or None when there is none."""
        published = configuration.published(kind, key)
        if published is None or published.version_id is None:
            return None
        return await self.compiled(connection, kind, published.version_id)

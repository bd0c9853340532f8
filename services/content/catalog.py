"""What a process remembers of configuration: channels, published content, compiled definitions.

Versions never change, so they are kept by id. Channels and the list of what is published are kept
under the environment's configuration version, which the database raises with every change: a walk
reads it in its transaction, a request with its credential, so nothing has to be invalidated.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from domain.channels.types import ChannelType
from domain.conditions import ConditionGroup, read_condition_group
from domain.kit.json_types import JsonObject
from domain.workflows import WorkflowDefinition, read_workflow
from models.queries.content import catalog as statements
from models.queries.events.outbox import subscribed_events
from runtime.database import Connection
from runtime.logs import get_logger
from templating.messages.email import EmailLayout

T = TypeVar("T")
_log = get_logger(__name__)

_REMEMBERED_VERSIONS = 2_000
_REMEMBERED_ENVIRONMENTS = 50
_OWNER = "catalog"


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
    conditions: ConditionGroup | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedContent:
    """Which version of a piece of content is published, and whether it is in use."""

    version_id: UUID | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of an environment's channels (by key), workflows and layouts (by key).

    `subscribed` names the events that somebody wants to hear of (`services/events/outbox.py`).
    """

    channels: dict[str, ConfiguredChannel]
    workflows: dict[str, PublishedContent]
    layouts: dict[str, PublishedContent]
    subscribed: frozenset[str] = frozenset()


class Catalog:
    """Loads configuration and definitions once for each version of them."""

    def __init__(self) -> None:
        self._configurations: _Recent[Configuration] = _Recent(_REMEMBERED_ENVIRONMENTS)
        self._definitions: _Recent[WorkflowDefinition] = _Recent(_REMEMBERED_VERSIONS)
        self._layouts: _Recent[EmailLayout] = _Recent(_REMEMBERED_VERSIONS)

    async def configuration(
        self, connection: Connection, environment_id: UUID, version: int
    ) -> Configuration:
        """Return the configuration of an environment at the version that the caller has read."""

        async def load() -> Configuration:
            return await _load_configuration(connection, environment_id)

        return await self._configurations.get((environment_id, version), load)

    async def definition(self, connection: Connection, version_id: UUID) -> WorkflowDefinition:
        """Return a compiled workflow version. Raises LookupError for an unknown id."""

        async def load() -> WorkflowDefinition:
            row = await statements.version_content(connection, version_id)
            if row is None:
                raise LookupError(f"there is no workflow version {version_id}")
            return read_workflow(row["content"], row["key"])

        return await self._definitions.get(version_id, load)

    async def layout(
        self, connection: Connection, configuration: Configuration, key: str
    ) -> EmailLayout | None:
        """Return the published e-mail layout of a key, or None when there is none."""
        published = configuration.layouts.get(key)
        version_id = published.version_id if published else None
        if version_id is None:
            return None

        async def load() -> EmailLayout:
            row = await statements.version_content(connection, version_id)
            content = row["content"] if row and isinstance(row["content"], dict) else {}
            links = content.get("footer_links")
            return EmailLayout(
                html_layout=content.get("html_layout") or "{{ content }}",
                text_layout=content.get("text_layout") or "{{ content }}",
                footer_links=tuple(links) if isinstance(links, list) else (),
            )

        return await self._layouts.get(version_id, load)


class _Recent(Generic[T]):
    """The most recently used values, up to a bound."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    async def get(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        """Return the value of a key, loading it at its first use."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = await load()
        self._values[key] = value
        while len(self._values) > self._bound:
            self._values.popitem(last=False)
        return value


async def _load_configuration(connection: Connection, environment_id: UUID) -> Configuration:
    channels = {}
    for row in await statements.configured_channels(connection, environment_id):
        channel = _read_channel(row)
        if channel is not None:
            channels[channel.key] = channel
    published: dict[str, dict[str, PublishedContent]] = {"workflow": {}, "email_layout": {}}
    for row in await statements.published_content(connection, environment_id):
        # A kind of content that only a newer process knows is nothing to this one.
        published.setdefault(row["resource_type"], {})[row["key"]] = PublishedContent(
            row["published_version_id"], row["active"] and not row["is_archived"]
        )
    subscribed = await subscribed_events(connection, environment_id)
    return Configuration(channels, published["workflow"], published["email_layout"], subscribed)


def _read_channel(row: dict[str, Any]) -> ConfiguredChannel | None:
    """Read a stored channel; what cannot be read is unusable, and spoils nothing beside it."""
    try:
        channel_type = ChannelType(row["channel_type"])
    except ValueError:
        _log.warning("channel_passed_over", channel=row["key"], reason="unknown channel type")
        return None
    settings, problem = row["channel_settings"], None
    if not isinstance(settings, dict):
        settings, problem = {}, "its settings are not an object"
        _log.warning("channel_unusable", channel=row["key"], reason=problem)
    return ConfiguredChannel(
        id=row["id"],
        key=row["key"],
        channel_type=channel_type,
        provider=row["provider"],
        is_sandbox=row["is_sandbox"],
        settings=settings,
        sealed_settings=row["sealed_channel_settings"],
        conditions=read_condition_group(row["conditions"]),
        problem=problem,
    )

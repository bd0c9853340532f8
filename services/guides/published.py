"""The guides of an environment as they are published now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.content.guide import GUIDE, Guide
from domain.content.rows import Published
from domain.kit.errors import NotFound
from domain.kit.ids import derived_id
from domain.kit.principals import EnvironmentScope
from runtime.database import Connection
from services.content.catalog import Configuration, ConfiguredChannel
from services.engine import Engine


@dataclass(frozen=True, slots=True)
class PublishedGuide:
    """A guide, and what is known of it in its environment.

    Attributes:
        id: the same for as long as the guide has its key.
    """

    id: UUID
    guide: Guide
    version_id: UUID
    published: Published

    def is_active_at(self, now: datetime) -> bool:
        """Tell whether it is switched on at an instant."""
        return self.published.is_active_at(now)


def guide_channel(configuration: Configuration, channel_id: UUID) -> ConfiguredChannel:
    """Return a channel of guides. Raises NotFound."""
    for channel in configuration.channels.values():
        if channel.id == channel_id and channel.shows_guides:
            return channel
    raise NotFound("There is no guide channel with this id.")


async def guides_of(
    engine: Engine,
    connection: Connection,
    environment: EnvironmentScope,
    configuration: Configuration,
    channel: ConfiguredChannel,
) -> dict[str, PublishedGuide]:
    """Return the guides of a channel by key, the oldest first."""
    found = [
        (published, published.version_id)
        for (kind, _), published in configuration.content.items()
        if kind == GUIDE.name and published.version_id is not None and not published.is_archived
    ]
    guides: dict[str, PublishedGuide] = {}
    for published, version_id in sorted(found, key=lambda each: _age(each[0])):
        guide = await engine.catalog.compiled(connection, GUIDE, version_id)
        if guide.channel_key == channel.key:
            guides[guide.key] = PublishedGuide(
                derived_id(environment.id, "guide", guide.key), guide, version_id, published
            )
    return guides


def _age(published: Published) -> tuple[str, str]:
    made = published.inserted_at
    return "" if made is None else made.isoformat(), published.key

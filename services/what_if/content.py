"""Configuration as it would be with content that is not published: drafts, or a promotion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from domain.content.audience import AUDIENCE
from domain.content.kind import KindOfContent
from domain.content.kinds import KINDS
from domain.content.partial import PARTIAL
from domain.content.rows import Published
from domain.content.translation import TRANSLATION, Translation, Translations
from domain.content.workflow import WORKFLOW
from domain.kit.ids import new_id
from domain.what_if.rows import PendingContent
from runtime.database import Connection
from runtime.vault import Vault
from services.content.catalog import Catalog, Configuration
from services.engine import Engine
from services.json_schemas import SchemaCache

T = TypeVar("T")


class TriedCatalog(Catalog):
    """A catalog that knows some versions more, which nobody has stored.

    Args:
        vault: the keys of the process.
        catalog: of the process.
        tried: what is tried, as its kind reads it, by a version id made for it.
        published: what would be published, by kind and key.
    """

    def __init__(
        self,
        vault: Vault,
        catalog: Catalog,
        tried: Mapping[UUID, Any],
        published: Mapping[tuple[str, str], Published],
    ) -> None:
        super().__init__(vault)
        self._catalog = catalog
        self._tried = tried
        self._workflows = {
            key: (one, tried[one.version_id])
            for (kind, key), one in published.items()
            if kind == WORKFLOW.name and one.version_id is not None and one.version_id in tried
        }

    async def compiled(self, connection: Connection, kind: KindOfContent[T], version_id: UUID) -> T:
        """Return a version as its kind reads it. Raises LookupError for an unknown id."""
        if version_id in self._tried:
            found: T = self._tried[version_id]
            return found
        return await self._catalog.compiled(connection, kind, version_id)

    async def workflows_of_audience(
        self, connection: Connection, environment_id: UUID, version: int, audience_key: str
    ) -> list[str]:
        """Return the keys of the active workflows that an audience would trigger."""
        stored = await self._catalog.workflows_of_audience(
            connection, environment_id, version, audience_key
        )
        tried = [
            key
            for key, (published, definition) in self._workflows.items()
            if published.is_active and definition.audience_key == audience_key
        ]
        return sorted([*tried, *(key for key in stored if key not in self._workflows)])


@dataclass(frozen=True, slots=True)
class Tried:
    """What a try makes of an environment.

    Attributes:
        engine: the process's own, with the catalog that knows the content.
        configuration: the environment's own, with the content published.
        content: what was laid over it.
        left_out: what cannot be tried.
    """

    engine: Engine
    configuration: Configuration
    content: Sequence[PendingContent]
    left_out: Sequence[PendingContent]


def lay_over(engine: Engine, stored: Configuration, pending: Sequence[PendingContent]) -> Tried:
    """Return what would be there if some content were published."""
    content = [each for each in pending if _is_tried(each)]
    documents: dict[UUID, Any] = {}
    published = dict(stored.content)
    partials = dict(stored.partials)
    translations = dict[str, Translation]()
    for each in content:
        kind = KINDS[each.resource_type]
        document = kind.read(each.content, each.key)
        version_id = new_id()
        documents[version_id] = document
        place = (each.resource_type, each.key)
        was = published.get(place)
        published[place] = (
            Published(each.resource_type, each.key, version_id, is_active=kind.starts_active)
            if was is None
            else replace(was, version_id=version_id)
        )
        if each.resource_type == PARTIAL.name:
            partials[each.key] = document
        elif each.resource_type == TRANSLATION.name:
            translations[each.key] = document
    configuration = replace(
        stored,
        content=published,
        partials=partials,
        translations=Translations(
            {**stored.translations.by_key, **Translations.of(translations).by_key}
        ),
    )
    catalog = TriedCatalog(engine.vault, engine.catalog, documents, published)
    left_out = [each for each in pending if each not in content]
    # What the process remembers by version is not to be crowded out by versions of a try.
    own = replace(engine, catalog=catalog, json_schemas=SchemaCache())
    return Tried(own, configuration, content, left_out)


def _is_tried(pending: PendingContent) -> bool:
    """Tell whether content can be tried: nobody follows into a static audience, or out of it."""
    if pending.resource_type == AUDIENCE.name:
        return AUDIENCE.read(pending.content, pending.key).is_dynamic
    return pending.resource_type in KINDS

"""What content refers to outside itself: channels, sources, and other content.

Content may be saved before they exist; it is `valid` once they do. `PUT /v1/commits`, and promoting
all, refuse what is not; saving with a commit, validating, and promoting or reverting one commit let
pass what `may_follow`. What is archived stays in use by what refers to it: whoever commits that
again need not take it out, but nothing else may refer to it any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from domain.content.kind import KindOfContent
from domain.content.kinds import KINDS, home_of
from domain.content.rows import Resource
from domain.kit.authored import CHANNEL, NOUNS, SOURCE, ChannelTypes, Reference, ResourceType
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from models.queries.channels import channels as channel_queries
from models.queries.content import drafts as content_queries
from models.queries.content import references as queries
from models.queries.sources import sources as source_queries
from runtime.database import Connection
from services.content.input_schemas import InputSchema, input_errors, ready
from templating.liquid.environment import partials_in

T = TypeVar("T")


async def get_saved(
    connection: Connection, environment: EnvironmentScope, resource_type: str, key: str
) -> Resource | None:
    """Return a resource as an environment, or a branch of it, has it; not an archived one."""
    home = home_of(environment, resource_type)
    return await content_queries.get_resource(connection, home, resource_type, key)


def references_of(kind: KindOfContent[T], document: T) -> list[Reference]:
    """Return what a document refers to, also within its Liquid."""
    found = list(kind.references(document))
    for template in kind.templates(document):
        found += [
            Reference(
                template.place,
                ResourceType.PARTIAL,
                key,
                may_follow=kind.name == ResourceType.PARTIAL,
            )
            for key in partials_in(template.source)
        ]
    return found


def required_first(references: Iterable[Reference]) -> list[Reference]:
    """Return those of references that have to lead somewhere before their content is pushed."""
    return [one for one in references if not one.may_follow]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What exists around content: channels and their groups, sources and other content by key.

    Attributes:
        environment: where they exist, perhaps on a branch.
        content: type and key of each, sources among them.
        archived: the same of what was there and is archived.
        elsewhere: slugs of other environments that have what is not promoted, by its type and key.
        documents: of the content that what refers to it has to fit.
        schemas: of what that content is given, and channels are here, where something is given.
    """

    environment: EnvironmentScope
    channel_types: ChannelTypes
    content: frozenset[tuple[str, str]]
    documents: Mapping[tuple[str, str], JsonObject] = field(default_factory=dict)
    schemas: Mapping[tuple[str, str], InputSchema] = field(default_factory=dict)
    archived: frozenset[tuple[str, str]] = frozenset()
    elsewhere: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)

    def errors(
        self, references: Iterable[Reference], kept: Collection[tuple[str, str]] = ()
    ) -> list[FieldError]:
        """Return what is wrong with references.

        That is those which lead nowhere or to a channel of another type, and what does not fit to
        where they lead.

        Args:
            references: of a document.
            kept: type and key of what it may refer to although that is archived.
        """
        errors: list[FieldError] = []
        for one in references:
            message: str | None = None
            known = self.channel_types.of(one.target, one.key)
            if one.target not in NOUNS:
                errors += self._misfits(one)
                if one.is_required:
                    message = self._absence(one, kept)
            elif known is None:
                message = f"{NOUNS[one.target]} {one.key!r} does not exist"
            elif known != one.channel_type:
                noun = NOUNS[one.target]
                message = f"{noun} {one.key!r} is of type {known}, not {one.channel_type}"
            else:
                errors += self._misfits(one)
            if message is not None:
                errors.append(FieldError(one.place, message))
        return errors

    def _absence(self, reference: Reference, kept: Collection[tuple[str, str]]) -> str | None:
        """Say that a reference leads to nothing that it may lead to."""
        place = (reference.target, reference.key)
        if place in self.content or (place in self.archived and place in kept):
            return None
        if reference.target == SOURCE:
            return f"source {reference.key!r} does not exist"
        kind, where = KINDS[reference.target], f"in {self.environment.slug}"
        told = f"{kind.noun} {reference.key!r}"
        if place in self.archived:
            return f"{told} is archived: take it out, or refer to another one"
        if place in self.elsewhere:
            others = " and ".join(self.elsewhere[place])
            return f"{told} does not exist {where}, only in {others}; {kind.of_each_environment}"
        if self.environment.branch is not None and kind.is_branched:
            where = f"on the branch {self.environment.branch!r}"
        return f"{told} does not exist {where}, or is not committed there"

    def _misfits(self, reference: Reference) -> Iterator[FieldError]:
        """Yield what does not fit to what a reference leads to."""
        place = (reference.target, reference.key)
        document, schema = self.documents.get(place), self.schemas.get(place)
        if document is not None and reference.misfits is not None:
            yield from reference.misfits(document)
        if schema is not None and reference.inputs is not None:
            yield from input_errors(schema, reference.inputs)


async def publication_errors(
    connection: Connection,
    around: Surroundings,
    kind: KindOfContent[Any],
    key: str,
    references: Sequence[Reference],
    *,
    published: UUID | None,
) -> list[FieldError]:
    """Return what is wrong with references of a document that is to be published.

    Args:
        connection: for reading.
        around: what they lead to.
        kind: of the document.
        key: names it.
        references: of it, as far as they count.
        published: the version that it takes the place of; what that refers to may stay, archived
            or not.
    """
    kept: Collection[tuple[str, str]] = ()
    if published and any((one.target, one.key) in around.archived for one in references):
        versions = await content_queries.get_versions(connection, [published])
        document = kind.read(versions[published].content, key)
        kept = {(one.target, one.key) for one in references_of(kind, document)}
    return around.errors(references, kept)


async def schemas_of(
    references: Iterable[Reference], documents: Mapping[tuple[str, str], JsonObject]
) -> dict[tuple[str, str], InputSchema]:
    """Make the schemas ready by which inputs are judged, each once for all who give some."""
    found: dict[tuple[str, str], InputSchema] = {}
    for place in {(one.target, one.key) for one in references if one.inputs is not None}:
        document = documents.get(place)
        schema = None if document is None else KINDS[place[0]].takes(document)
        if schema is not None and (usable := await ready(schema)):
            found[place] = usable
    return found


async def load_surroundings(
    connection: Connection,
    environment: EnvironmentScope,
    references: Iterable[Reference],
    *,
    channel_types: ChannelTypes | None = None,
    published: bool = False,
    saved_is_enough: Collection[ResourceType] = (),
) -> Surroundings:
    """Read what references lead to.

    Args:
        connection: for reading.
        environment: where the content is, perhaps on a branch.
        references: of all that is to be judged.
        channel_types: when the caller has read them already.
        published: ask for what is committed, rather than for drafts too.
        saved_is_enough: of these types ask for drafts all the same.
    """
    references = list(references)
    targets = sorted({(one.target, one.key) for one in references})
    wanted = [(target, key) for target, key in targets if target in KINDS]
    source_keys = [key for target, key in targets if target == SOURCE]
    if channel_types is None:
        has_channels = any(target in NOUNS for target, _ in targets)
        channel_types = (
            await channel_queries.channel_types(connection) if has_channels else ChannelTypes()
        )
    drafts_suffice = saved_is_enough if published else tuple(ResourceType)
    content, archived = await _existing(connection, environment, wanted, drafts_suffice)
    elsewhere = await _elsewhere(connection, environment, set(wanted) - content - archived)
    if source_keys:
        sources = await source_queries.existing_keys(connection, source_keys)
        content |= {(SOURCE, key) for key in sources}
    measures = {
        (one.target, one.key) for one in references if one.misfits or one.inputs is not None
    }
    measured = sorted(place for place in measures if place[0] in KINDS)
    documents, schemas = {}, {}
    if measured:
        places = [(home_of(environment, target), target, key) for target, key in measured]
        documents = await queries.documents_by_key(connection, places, published=published)
        schemas = await schemas_of(references, documents)
    given_to = sorted(key for target, key in measures if target == CHANNEL)
    if given_to:
        inputs = await channel_queries.input_schemas(connection, environment.id, given_to)
        for key, schema in inputs.items():
            if usable := await ready(schema):
                schemas[CHANNEL, key] = usable
    return Surroundings(
        environment=environment,
        channel_types=channel_types,
        content=frozenset(content),
        documents=documents,
        schemas=schemas,
        archived=frozenset(archived),
        elsewhere=elsewhere,
    )


async def _existing(
    connection: Connection,
    environment: EnvironmentScope,
    wanted: Iterable[tuple[str, str]],
    drafts_suffice: Collection[str],
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return which content an environment has, and which is archived there, by type and key."""
    content, archived = set[tuple[str, str]](), set[tuple[str, str]]()
    for published in (True, False):
        places = [
            (home_of(environment, target), target, key)
            for target, key in wanted
            if (target in drafts_suffice) is not published
        ]
        if places:
            found = await queries.list_keys(connection, places, published=published)
            archived |= {place for place, is_archived in found.items() if is_archived}
            content |= found.keys() - archived
    return content, archived


async def _elsewhere(
    connection: Connection, environment: EnvironmentScope, absent: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Say which other environments have what an environment lacks, of what is never promoted."""
    wanted = sorted(place for place in absent if KINDS[place[0]].of_each_environment)
    found: dict[tuple[str, str], list[str]] = {}
    if wanted:
        for one in await queries.list_elsewhere(connection, environment.id, wanted):
            kind = KINDS[one.resource_type]
            if kind.holds_at_once(kind.read(one.content, one.key)):
                found.setdefault((one.resource_type, one.key), []).append(one.environment)
    return found

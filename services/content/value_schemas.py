"""What guides say of the values of their steps, for programs that show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from domain.content.guide import Guide
from domain.content.kinds import home_of
from domain.content.message_type import MESSAGE_TYPE
from domain.content.value_schemas import values_schema
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from models.queries.content import references as queries
from services.content.drafts import ContentView
from services.engine import Engine


async def with_schemas(
    engine: Engine, environment: EnvironmentScope, views: Sequence[ContentView[Guide]]
) -> list[ContentView[Guide]]:
    """Return guides whose steps have the `json_schema` of their values.

    A step has none whose message type is not here, or not of its version and variant.
    """
    keys = sorted({step.schema_key for view in views for step in view.document.steps})
    home = home_of(environment, MESSAGE_TYPE.name)
    documents: Mapping[tuple[str, str], JsonObject] = {}
    if keys:
        wanted = [(home, MESSAGE_TYPE.name.value, key) for key in keys]
        async with engine.connection() as connection:
            documents = await queries.documents_by_key(connection, wanted, published=False)
    schemas = {
        named: schema
        for (_, key), document in documents.items()
        for named, schema in _schemas_of(key, document)
    }
    return [_with_schemas(view, schemas) for view in views]


# Key, version and variant, as a step names them.
_Named = tuple[str, str, str]


def _schemas_of(key: str, document: JsonObject) -> Iterator[tuple[_Named, JsonObject]]:
    semver = str(document.get("semver"))
    for variant in MESSAGE_TYPE.read(document, key).variants:
        yield (key, semver, variant.key), values_schema(variant.fields)


def _with_schemas(
    view: ContentView[Guide], schemas: Mapping[_Named, JsonObject]
) -> ContentView[Guide]:
    steps = []
    for raw, step in zip(view.content["steps"], view.document.steps, strict=False):
        schema = schemas.get((step.schema_key, step.schema_semver, step.schema_variant_key))
        steps.append(raw if schema is None else {**raw, "json_schema": schema})
    return replace(view, content={**view.content, "steps": steps})

"""The OpenAPI documents against what is really answered."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from domain.kit.json_types import JsonObject
from tests.support.builders import Builder, Environment


@pytest.fixture
async def channel(make: Builder) -> UUID:
    """Make an in-app channel."""
    return await make.channel()


async def _document(client: httpx.AsyncClient) -> JsonObject:
    document: JsonObject = (await client.get("/docs/knock/openapi.json")).json()
    return document


def _validator(document: JsonObject, path: str) -> Draft202012Validator:
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return Draft202012Validator({**answer["schema"], "components": document["components"]})


@pytest.mark.parametrize("mode", ["rich", "compact"])
async def test_a_feed_is_as_documented(
    client: httpx.AsyncClient, make: Builder, environment: Environment, channel: UUID, mode: str
) -> None:
    """What compact mode leaves out is not required; the source of an item is a workflow."""
    await make.message(environment, channel)
    feed = (await client.get(f"/v1/users/ellie/feeds/{channel}?mode={mode}")).json()
    path = "/v1/users/{user_id}/feeds/{channel_id}"
    _validator(await _document(client), path).validate(feed)
    assert feed["entries"][0]["source"]["__typename"] == "Workflow"


async def test_every_member_of_an_answer_is_documented(
    client: httpx.AsyncClient, make: Builder, environment: Environment, channel: UUID
) -> None:
    """Messages and feed items have no member that the document does not name."""
    message_id = await make.message(environment, channel)
    schemas = (await _document(client))["components"]["schemas"]
    message = (await client.get(f"/v1/messages/{message_id}")).json()
    feed = (await client.get(f"/v1/users/ellie/feeds/{channel}")).json()
    assert message.keys() <= schemas["MessageOut"]["properties"].keys()
    assert feed["entries"][0].keys() <= schemas["FeedItemOut"]["properties"].keys()

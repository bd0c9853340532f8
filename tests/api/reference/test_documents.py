"""Answers against the OpenAPI documents: what every test of the product is held to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.builders import Builder, Environment
from tests.support.documented_answers import AnswerCheck, closed, modern, operations_of

_THING: JsonObject = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "at": {"type": "string", "format": "date-time"}},
    "required": ["id"],
}
_DOCUMENT: JsonObject = {
    "paths": {
        "/v1/things": {
            "get": {
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                        }
                    }
                }
            },
            "delete": {"responses": {"204": {"description": "Gone."}}},
        }
    },
    "components": {"schemas": {"Thing": _THING}},
}


def _answered(body: Any, status: int = 200, method: str = "GET", path: str = "/v1/things") -> str:
    """Return what is wrong with an answer; empty when it is as documented."""
    check = AnswerCheck(operations_of(_DOCUMENT, closed), must_be_known=True)
    request = httpx.Request(method, f"http://test{path}")
    headers = {"x-request-id": "r"}
    check.look_at(httpx.Response(status, json=body, request=request, headers=headers))
    return "; ".join(check.take())


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"id": "a", "at": "2026-03-01T12:00:00Z"}, ""),
        ({"id": 1}, "GET /v1/things: .id: 1 is not of type"),
        ({}, '"id" is a required property'),
        ({"id": "a", "at": "noon"}, 'GET /v1/things: .at: "noon" is not a "date-time"'),
        ({"id": "a", "more": 1}, "('more' was unexpected)"),
    ],
)
def test_an_answer_has_the_documented_members_and_no_others(body: Any, fault: str) -> None:
    """A wrong type, a missing member, and one that the document does not name are faults."""
    found = _answered(body)
    assert fault in found if fault else not found


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"status": 201}, "GET /v1/things: answers 201, which its document does not name"),
        ({"method": "DELETE", "status": 204}, "answers 204 with a body"),
        ({"path": "/v1/secrets"}, "GET /v1/secrets answers 200 and stands in no document"),
        ({"status": 404}, ""),
    ],
)
def test_an_answer_has_a_documented_operation_and_status(arguments: Any, fault: str) -> None:
    """Successes of unknown operations and statuses are faults; errors are judged elsewhere."""
    found = _answered({"id": "a"}, **arguments)
    assert fault in found if fault else not found


def test_custom_members_are_allowed_where_a_shape_says_so() -> None:
    """Only a shape that says nothing about further members is closed."""
    assert closed(_THING)["additionalProperties"] is False
    assert closed({**_THING, "additionalProperties": True})["additionalProperties"] is True


def test_nullable_is_read_as_openapi_3_0_means_it() -> None:
    """Knock's documents are written in that older form."""
    assert modern({"type": "string", "nullable": True}) == {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


@pytest.mark.parametrize("mode", ["rich", "compact"])
async def test_the_source_of_a_feed_item_is_a_workflow(
    client: httpx.AsyncClient, make: Builder, environment: Environment, mode: str
) -> None:
    """Both modes of a feed name the workflow that made an item."""
    channel: UUID = await make.channel()
    await make.message(environment, channel)
    feed = (await client.get(f"/v1/users/ellie/feeds/{channel}?mode={mode}")).json()
    assert feed["entries"][0]["source"]["__typename"] == "Workflow"

"""Answers against the OpenAPI documents: what every test of the product is held to."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from api.reference.examples import REQUESTS
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
            "delete": {
                "responses": {
                    "204": {"description": "Gone."},
                    "404": {"$ref": "#/components/responses/Missing"},
                }
            },
        }
    },
    "components": {
        "schemas": {"Thing": _THING},
        "responses": {"Missing": {"description": "Not Found: `resource_missing`"}},
    },
}


def _answered(body: Any, status: int = 200, method: str = "GET", path: str = "/v1/things") -> str:
    """Return what is wrong with an answer; empty when it is as documented."""
    check = AnswerCheck(lambda: operations_of(_DOCUMENT, closed), is_ours=True)
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
        ({"status": 404}, "answers 404, which its document does not name"),
        ({"path": "/v1/secrets", "status": 404}, ""),
    ],
)
def test_an_answer_has_a_documented_operation_and_status(arguments: Any, fault: str) -> None:
    """Unknown statuses are faults, and successes of unknown operations; a 404 may be anywhere."""
    found = _answered({"id": "a"}, **arguments)
    assert fault in found if fault else not found


def test_every_error_code_is_documented() -> None:
    """A code that the document does not name is a fault."""
    assert "`secret` is not documented" in _answered({"code": "secret"}, 404, "DELETE")
    assert not _answered({"code": "resource_missing"}, 404, "DELETE")


def test_custom_members_are_allowed_where_a_shape_says_so() -> None:
    """Only a shape that says nothing about further members is closed."""
    assert closed(_THING)["additionalProperties"] is False
    assert closed({**_THING, "additionalProperties": True})["additionalProperties"] is True


def test_nullable_is_read_as_openapi_3_0_means_it() -> None:
    """Knock's documents are written in that older form."""
    assert modern({"type": "string", "nullable": True}) == {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


@pytest.mark.parametrize("face", ["knock", "management"])
async def test_documents_are_complete(anonymous: httpx.AsyncClient, face: str) -> None:
    """Every operation has an id, a sentence, a described tag and its statuses; nothing dangles."""
    document = (await anonymous.get(f"/docs/{face}/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    tags = [tag["name"] for tag in document["tags"]]
    assert {tag for operation in operations for tag in operation["tags"]} == set(tags)
    for operation in operations:
        assert " " in operation["summary"]  # a sentence, and not the name of a function
        assert operation["responses"].keys() >= {"401", "503"}
        assert operation["responses"].keys() & {"200", "201", "204"}
        assert "4XX" not in operation["responses"]
    references = re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(document))
    assert references
    for kind, name in references:
        assert name in document["components"][kind]


async def test_whoever_keeps_a_key_says_in_which_header(anonymous: httpx.AsyncClient) -> None:
    """An operation that may refuse an `Idempotency-Key` documents it, and no other one does."""
    document = (await anonymous.get("/docs/knock/openapi.json")).json()
    seen = set()
    for path, item in document["paths"].items():
        for operation in item.values():
            named = [each["name"] for each in operation.get("parameters", [])]
            keeps = "idempotency_key_mismatch" in json.dumps(operation["responses"])
            assert ("Idempotency-Key" in named) is keeps
            seen |= {path} if keeps else set()
    assert seen == {"/v1/workflows/{key}/trigger"}


async def test_examples_fit_their_operations(anonymous: httpx.AsyncClient) -> None:
    """An example is of an operation that there is, and can be sent as it stands."""
    unknown = set(REQUESTS)
    for face in ("knock", "management"):
        document = (await anonymous.get(f"/docs/{face}/openapi.json")).json()
        for path, item in document["paths"].items():
            for method, operation in item.items():
                name = f"{method.upper()} {path}"
                unknown -= {name}
                for example in REQUESTS.get(name, {}).values():
                    content = operation["requestBody"]["content"]["application/json"]
                    schema = {**content["schema"], "components": document["components"]}
                    Draft202012Validator(schema).validate(example["value"])
    assert not unknown


@pytest.mark.parametrize("mode", ["rich", "compact"])
async def test_the_source_of_a_feed_item_is_a_workflow(
    client: httpx.AsyncClient, make: Builder, environment: Environment, mode: str
) -> None:
    """Both modes of a feed name the workflow that made an item."""
    channel: UUID = await make.channel()
    await make.message(environment, channel)
    feed = (await client.get(f"/v1/users/ellie/feeds/{channel}?mode={mode}")).json()
    assert feed["entries"][0]["source"]["__typename"] == "Workflow"

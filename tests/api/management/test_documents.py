"""The OpenAPI document of the Management API against what is really answered."""

from __future__ import annotations

import httpx
import pytest
from jsonschema_rs import Draft202012Validator


@pytest.mark.parametrize(
    "path", ["/v1/channels", "/v1/environments", "/v1/workflows", "/v1/commits"]
)
async def test_lists_are_as_documented(management: httpx.AsyncClient, path: str) -> None:
    """Lists of the seeded account fit their documented shapes."""
    document = (await management.get("/docs/management/openapi.json")).json()
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    schema = {**answer["schema"], "components": document["components"]}
    body = (await management.get(path)).json()
    assert body["entries"]
    Draft202012Validator(schema).validate(body)

"""What the OpenAPI documents say of requests, against what the operations do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.reference.routes import knock_document, management_document
from domain.kit.json_types import JsonObject
from tests.support.account import Account
from tests.support.application import application
from tests.support.user_tokens import signed

_DOCUMENTS = {"knock": knock_document, "management": management_document}
_KNOWN = {
    "user_id": "ellie",
    "collection": "projects",
    "object_id": "one",
    "tenant_id": "acme",
    "slug": "development",
    "item_type": "user",
    "key": "welcome",
    "channel_id": "00000000-0000-4000-8000-000000000000",
    "channel_type": "email",
}


def _operations() -> Iterator[tuple[str, str, str, JsonObject]]:
    for face, document in _DOCUMENTS.items():
        for path, item in document()["paths"].items():
            for method, operation in item.items():
                yield face, method.upper(), path, operation


def _required(operation: JsonObject) -> list[str]:
    """Return what a document says has to be sent, by the name that an error would have."""
    body = operation.get("requestBody", {})
    if "text/csv" in body.get("content", {}):
        return ["body"]
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    either = [name for one in schema.get("anyOf", ()) for name in one["required"]]
    required = [*schema.get("required", []), *either]
    assert bool(required) is body.get("required", False)
    parameters = [
        one["name"].removesuffix("[]")
        for one in operation.get("parameters", [])
        if one["in"] == "query" and one["required"]
    ]
    return [*required, *parameters]


CASES = [(*one[:3], _required(one[3])) for one in _operations()]


@pytest.mark.parametrize(("face", "method", "path", "required"), CASES)
async def test_what_is_required_is_required(
    client_of: Any, face: str, method: str, path: str, required: list[str]
) -> None:
    """An empty request is refused for each member that is required, and for nothing else."""
    url = re.sub(r"\{(\w+)\}", lambda found: _KNOWN.get(found[1], "x"), path)
    response = await client_of(face).request(method, url)
    # Another 422 is no refusal of the request: the first environment, for example, stays.
    is_refused = response.status_code == 422 and response.json()["code"] == "invalid_params"
    errors = response.json().get("errors", []) if is_refused else []
    assert is_refused is bool(required), response.text
    # A batch names its first violation only.
    assert {error["field"] for error in errors} <= set(required)


@pytest.fixture
async def client_of(account: Account) -> Any:
    """Return what calls each face of the seeded account with the credential it takes."""
    transport = httpx.ASGITransport(application(account.engine))
    tokens = {
        "knock": account.keys.environments["production"].secret_key,
        "management": account.keys.service_token,
    }
    clients = {
        face: httpx.AsyncClient(
            transport=transport,
            base_url="http://test",
            headers={"authorization": f"Bearer {token}"},
        )
        for face, token in tokens.items()
    }
    yield clients.__getitem__
    for client in clients.values():
        await client.aclose()


async def test_in_development_a_public_key_identifies_users(account: Account) -> None:
    """There it may do what Knock documents without a user token; elsewhere with one."""
    transport = httpx.ASGITransport(application(account.engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        for slug, status in (("development", 200), ("production", 401)):
            keys = account.keys.environments[slug]
            browser.headers["authorization"] = f"Bearer {keys.public_key}"
            identified = await browser.put("/v1/users/ann", json={"email": "a@example.com"})
            assert identified.status_code == status
            token = {"x-knock-user-token": signed("ann", keys.signing_key)}
            await browser.put("/v1/users/ann", json={"email": "b@example.com"}, headers=token)
            shown = await browser.get("/v1/users/ann", headers=token)
            assert shown.json().get("email") == "b@example.com"

"""Bodies of the admin API: one thing is answered under its name, and given with or without it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.postgres import ROOT

_ENVIRONMENT = "/v1/admin/environments/development"
_BODIES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("POST", "/v1/admin/members", "member", {"email": "a@example.com", "role": "member"}),
    ("PUT", "/v1/admin/environments/development", "environment", {"name": "Dev"}),
    ("PUT", "/v1/admin/variables/colour", "variable", {"value": "red"}),
    ("PUT", f"{_ENVIRONMENT}/branding", "branding", {"primary_color": "#0F62FE"}),
    ("PUT", f"{_ENVIRONMENT}/security", "security", {"enhanced_security": True}),
    ("PUT", f"{_ENVIRONMENT}/guide_group", "guide_group", {"display_interval": 60}),
    ("PUT", f"{_ENVIRONMENT}/preference_set", "preference_set", {"workflows": {"a": False}}),
    ("POST", f"{_ENVIRONMENT}/signing_keys", "signing_key", {"name": "Web"}),
    ("POST", "/v1/admin/service_tokens", "service_token", {"name": "CI"}),
    (
        *("POST", "/v1/admin/api_keys", "api_key"),
        {"environment": "development", "kind": "secret", "name": "CI"},
    ),
    (
        *("PUT", "/v1/admin/channels/relay", "channel"),
        {"name": "Relay", "type": "email", "provider": "smtp"},
    ),
    (
        *("PUT", "/v1/admin/model_providers/openai/environments/development", "model_provider"),
        {"adapter": "openai", "api_key": "sk-1"},
    ),
    (
        *("POST", "/v1/admin/webhooks", "webhook"),
        {"url": "https://example.com/hook", "event_types": ["message.sent"]},
    ),
]
# What says how an action went, or what was found, and is no thing that has a name.
_REPORTS = {
    "BulkOperationOut",  # as the Knock API answers it
    "CallbackOut",
    "CancelledOut",
    "ChangedContentOut",
    "CountOut",
    "ExplanationOut",
    "HeldChannelsOut",
    "MovedOut",
    "NewEnvironmentOut",
    "RequestPreviewOut",
    "SuccessOut",
    "TriggerExplanationOut",
    "WhatIfOut",
}


@pytest.mark.parametrize(("method", "path", "name", "body"), _BODIES)
async def test_a_body_is_given_with_its_name_or_without(
    management: httpx.AsyncClient, method: str, path: str, name: str, body: dict[str, Any]
) -> None:
    """So whoever has read an answer can send it back, and whoever sees a sibling can guess."""
    named = await management.request(method, path, json={name: body})
    assert named.status_code == 200, named.text
    again = {**body, "email": "b@example.com"} if name == "member" else body
    bare = await management.request(method, path, json=again)
    assert bare.status_code == 200, bare.text
    for answer in (named.json()[name], bare.json()[name]):
        told = [key for key in body if key in answer and key not in ("email", "api_key")]
        assert {key: answer[key] for key in told} == {key: body[key] for key in told}
    odd = await management.request(method, path, json={name: 5})
    assert [error["field"] for error in odd.json()["errors"]] == [name]


@pytest.mark.parametrize("body", [{}, {"varaible": {"value": "x"}}, {"brnading": {}}])
@pytest.mark.parametrize("name", ["variable", "branding"])
async def test_a_misspelt_name_is_no_empty_body(
    management: httpx.AsyncClient, name: str, body: dict[str, Any]
) -> None:
    """Nothing of these is required, so that it would wipe a branding, or make an empty variable."""
    path = "/v1/admin/variables/c" if name == "variable" else f"{_ENVIRONMENT}/branding"
    refused = await management.put(path, json=body)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["field"], error["message"]) == (name, "is required")


def test_each_thing_is_answered_under_its_name() -> None:
    """Whatever the operation: read, written, or done something with."""
    document = json.loads((ROOT / "docs/openapi/management.json").read_text())
    shapes = document["components"]["schemas"]
    looked_at = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answer = (
                operation["responses"].get("200", {}).get("content")
                if (path.startswith("/v1/admin/"))
                else None
            )
            if not answer:
                continue
            name = answer["application/json"]["schema"]["$ref"].rpartition("/")[2]
            members = set(shapes[name]["properties"])
            if name not in _REPORTS and members != {"entries", "page_info"}:
                looked_at += 1
                assert len(members) == 1, f"{method} {path} answers {name} without a name around it"
    assert looked_at > 20

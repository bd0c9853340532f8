"""Input that no honest client sends, for every operation of an OpenAPI document.

A new operation is covered without a line here. What is sent is random but the same in every run.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import httpx

from domain.kit.json_types import JsonObject

SEED = 20260301
# Per endpoint; all of them together stay under some seconds.
ROUNDS = 20
IDS = (
    "x",
    "%00",
    "a%00b",
    "%FF%FE",
    "%ED%A0%80",
    "x" * 300,
    "..%2F..",
    "a%2Fb",
    "%23",
    "%F0%9F%94%94",
    "null",
    "-1",
    "9" * 400,
)
VALUES = (
    "",
    "%00",
    "%FF",
    "%ED%A0%80",
    "x" * 3000,
    "0",
    "-1",
    "1000",
    "abc",
    "NaN",
    "1e400",
    "9" * 30,
    "{}",
    '{"a":',
    '{"a":{"b":1}}',
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00%2B14:00",
    "V0FB",
    "WzEsOTk5OTk5OTk5OTk5OTk5OTk5LCJhIl0",
)
SUFFIXES = ("", "[]", "[a]", "[0]", "[][id]", "[a]" * 40, ".gte", "[gte]")
RAW = (
    b"",
    b"null",
    b"[]",
    b"1",
    b"{",
    b"\xff\xfe",
    b'{"a":"\\u0000"}',
    b'{"a":"\\ud800"}',
    b'{"\\u0000":1}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":NaN}',
    b'{"a":-Infinity}',
    b'{"a":1e999}',
    b'{"a":' + b"9" * 5000 + b"}",
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"a":' + b'{"b":' * 70 + b"1" + b"}" * 71,
)
MEMBERS: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**53,
    1e308,
    "",
    "x" * 300,
    [],
    [None],
    [[]],
    {},
    {"id": None},
    {"id": "x" * 300},
    {"a": {"b": {}}},
    ["x"] * 1001,
    [{"collection": "c"}],
    [{"id": "a", "collection": ""}],
    [{"id": "a", "collection": "$tenants"}],
    [{"id": "a", "$trigger_data": 1}],
    [{"id": "a", "channel_data": {"x": {}}}],
    [{"id": "a", "preferences": [1]}],
    [{"id": "a", "created_at": "0001-01-01T00:00:00+14:00"}],
    {"name": "W", "steps": [{"type": 1}, None, {"type": "channel", "ref": []}]},
    {"name": "W", "steps": [{"type": "delay", "ref": "d", "settings": {"delay_for": {}}}]},
)
NAMES = (
    "recipients",
    "actor",
    "tenant",
    "data",
    "cancellation_key",
    "settings",
    "name",
    "email",
    "created_at",
    "channel_data",
    "preferences",
    "message_ids",
    "metadata",
    "properties",
    "workflow",
    "status",
    "type",
    "provider",
    "channel_settings",
    "provider_settings",
    "conditions",
    "kind",
    "environment",
    "grace_seconds",
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-encoding": "gzip"},
    {"idempotency-key": "x" * 256},
    {"x-knock-branch": "feature"},
)
METHODS = ("HEAD", "OPTIONS", "TRACE", "PATCH")


def _operations(document: JsonObject) -> Iterator[tuple[str, str, list[str]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            yield method.upper(), path, [name.removesuffix("[]") for name in names]


def hostile_requests(document: JsonObject, known: dict[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Yield method, URL and options of hostile requests, the same ones every time."""
    chance = random.Random(SEED)

    def fill(path: str, *, honest: bool) -> str:
        return re.sub(
            r"\{(\w+)\}",
            lambda found: known.get(found[1], "x") if honest else chance.choice(IDS),
            path,
        )

    for method, path, queries in _operations(document):
        for _ in range(ROUNDS):
            honest = chance.random() < 0.7
            url = fill(path, honest=honest)
            names = chance.sample([*queries, "page_size", "after", "unknown"], 2)
            pairs = [f"{n}{chance.choice(SUFFIXES)}={chance.choice(VALUES)}" for n in names]
            body = chance.choice(RAW)
            if chance.random() < 0.7:
                members = {name: chance.choice(MEMBERS) for name in chance.sample(NAMES, 4)}
                given = {"recipients": ["ellie"], "message_ids": ["x"], "name": "welcome"}
                body = json.dumps({**given, **members}).encode()
            options = {"content": body, "headers": chance.choice(HEADERS)}
            yield method, f"{url}?{'&'.join(pairs)}" if chance.random() < 0.6 else url, options
        yield chance.choice(METHODS), fill(path, honest=True), {}
        yield method, fill(path, honest=True) + "/", {}
        yield method, "/" + fill(path, honest=True), {}


def assert_refused_or_served(response: httpx.Response, sent: object) -> None:
    """Fail on a fault of ours, an error in another shape, or an answer without a request id."""
    assert response.status_code < 500, (sent, response.text)
    assert response.headers["x-request-id"], sent
    if response.status_code >= 400 and response.request.method != "HEAD":
        body = response.json()
        assert body["status"] == response.status_code, sent
        assert all(isinstance(body[name], str) for name in ("code", "message", "type")), sent


async def send_all(client: httpx.AsyncClient, face: str, known: dict[str, str]) -> set[int]:
    """Send everything to one face and return the statuses; `known` fills parameters of paths."""
    document = (await client.get(f"/docs/{face}/openapi.json")).json()
    statuses: set[int] = set()
    for method, url, options in hostile_requests(document, known):
        response = await client.request(method, url, **options)
        assert_refused_or_served(response, (method, url[:200], str(options)[:400]))
        statuses.add(response.status_code)
    return statuses

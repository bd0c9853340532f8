"""Runs the SDK's own tests against the product: in the process of those tests, as their plugin.

Before each test the database is brought back to what `target.py` made. In requests, ids and values
that stand for anything on a mock server (`channel_id`, `after`) become ones that are there. What
cannot pass is listed in `sdk_expected.py` and must fail: the list is not allowed to go stale. The
package of the SDK's tests is named `tests` too, so this is a module of its own.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sdk_expected import EXPECTED_FAILURES

_FACTS: dict[str, Any] = json.loads(Path(os.environ["SDK_TESTS_FACTS"]).read_text())
_IDS: dict[str, str] = _FACTS["ids"]

# Which segment of a path is which of our ids.
_SEGMENTS = {
    r"(?<=/channel_data/)[0-9a-f-]{36}": "sandbox-push",
    r"(?<=/feeds/)[0-9a-f-]{36}": "in-app",
    r"(?<=/v1/channels/)[0-9a-f-]{36}": "in-app",
    r"(?<=/guides/)[0-9a-f-]{36}": "in-app-guide",
    r"(?<=/guides/messages/)[^/]+(?=/)": "guide_message",
    r"(?<=/v1/messages/)(message_id|1jNaXzB2RZX3LY8wVQnfCKyPnv7)": "message",
    r"(?<=/workflow_recipient_runs/)id": "run",
    r"(?<=/bulk_operations/)[^/]+": "operation",
    r"(?<=/slack/)channel_id": "slack",
    r"(?<=/ms-teams/)channel_id": "teams",
}
# Ids in bodies and queries.
_VALUES = {
    "1jNaXzB2RZX3LY8wVQnfCKyPnv7": "message",
    "2w3YUpTTOxuDvZFji8OMsKrG176": "message_2",
    "2w3YVRbPXMIh8Zq6oBFcVDA5xes": "message_3",
    "97c5837d-c65c-4d54-aa39-080eeb81c69d": "sandbox-push",
    "aef6e715-df82-4ab6-b61e-b743e249f7b6": "sandbox-push",
    "7e9dc78c-b3b1-4127-a54e-71f1899b831a": "guide",
}
# A condition of the documents' example is on nothing that a condition can be on.
_VARIABLE = ("specimen.dna_sequence", "data.dna_sequence")
_OWNER = json.dumps({"object_id": "tenant", "collection": "$tenants"})
# Placeholders in queries, and an honest value of each.
_QUERY = {
    "channel_id": {"channel_id": _IDS["in-app"]},
    "trigger_data": {"trigger_data": "{}"},
    "data": {"data": "{}"},
    "access_token_object": {"access_token_object": _OWNER},
    "ms_teams_tenant_object": {"ms_teams_tenant_object": _OWNER},
    **{
        f"inserted_at[{bound}]": {bound: "2026-03-01T12:00:00Z"}
        for bound in ("gt", "gte", "lt", "lte")
    },
}


class _Requests:
    """Changes requests on their way, and remembers whether anything was written."""

    def __init__(self) -> None:
        self.has_written = True

    def exchange(self, request: httpx.Request) -> httpx.Request:
        """Return a request with honest values in the place of placeholders."""
        self.has_written |= request.method != "GET"
        path = request.url.path
        for pattern, name in _SEGMENTS.items():
            path = re.sub(pattern, _IDS[name], path)
        pairs = [
            (name, _QUERY.get(name, {}).get(value, _known(value)))
            for name, value in request.url.params.multi_items()
        ]
        url = request.url.copy_with(path=path, params=pairs or None)
        body = request.content.decode()
        for value, name in _VALUES.items():
            body = body.replace(value, _IDS[name])
        body = body.replace(*_VARIABLE)
        if "/guides/" in path:
            body = body.replace("123e4567-e89b-12d3-a456-426614174000", _IDS["in-app-guide"])
        body = body.replace("123e4567-e89b-12d3-a456-426614174000", _IDS["schedule"])
        headers = {k: v for k, v in request.headers.items() if k != "content-length"}
        return httpx.Request(
            request.method, url, headers=headers, content=body, extensions=request.extensions
        )


def _known(value: str) -> str:
    return _IDS[_VALUES[value]] if value in _VALUES else value


_REQUESTS = _Requests()


def _cursors(request: httpx.Request, first: httpx.Response) -> httpx.Request:
    """Return a request whose made-up cursors are those of its own first page."""
    page = first.json().get("page_info", {})
    kept = [
        (name, page.get("after") if name == "after" else value)
        for name, value in request.url.params.multi_items()
        if name != "before"
    ]
    pairs = [(name, value) for name, value in kept if value]
    return httpx.Request(
        request.method, request.url.copy_with(params=pairs), headers=request.headers
    )


def _asks_for_cursors(request: httpx.Request) -> bool:
    return request.url.params.get("after") == "after"


def _without_cursors(request: httpx.Request) -> httpx.Request:
    pairs = [
        (name, value)
        for name, value in request.url.params.multi_items()
        if name not in ("after", "before")
    ]
    return httpx.Request(
        request.method, request.url.copy_with(params=pairs), headers=request.headers
    )


def pytest_configure(config: pytest.Config) -> None:
    """Change what clients send."""
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def changed(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        request = _REQUESTS.exchange(request)
        if _asks_for_cursors(request):
            request = _cursors(request, send(self, _without_cursors(request)))
        return send(self, request, **options)

    async def changed_async(
        self: httpx.AsyncClient, request: httpx.Request, **options: Any
    ) -> httpx.Response:
        request = _REQUESTS.exchange(request)
        if _asks_for_cursors(request):
            request = _cursors(request, await send_async(self, _without_cursors(request)))
        return await send_async(self, request, **options)

    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(httpx.Client, "send", changed)
    patch.setattr(httpx.AsyncClient, "send", changed_async)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is skipped for the sake of a mock server, and expect what is listed to fail."""
    for item in items:
        item.own_markers = [mark for mark in item.own_markers if mark.name != "skip"]
        for pattern, reason in EXPECTED_FAILURES.items():
            if re.search(pattern, item.nodeid):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(autouse=True)
def _as_it_was() -> None:
    if _REQUESTS.has_written:
        with psycopg.connect(_FACTS["url"]) as connection:
            for statement in _FACTS["restoring"]:
                connection.execute(statement)
        _REQUESTS.has_written = False

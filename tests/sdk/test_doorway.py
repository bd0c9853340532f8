"""What the own tests of SDKs send reaches the product with honest values, and leaves no trace."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from tests.sdk.doorway import doorway_to
from tests.support.server import serving

_EXAMPLE = "123e4567-e89b-12d3-a456-426614174000"


class _Ids(dict[str, str]):
    """An id for whatever the product may have chosen."""

    def __missing__(self, name: str) -> str:
        return f"our-{name}"


class _Product:
    """Says what it was asked, and pages as the product does."""

    def __init__(self) -> None:
        self.restored = 0

    def restore(self) -> None:
        self.restored += 1

    async def answer(self, request: Request) -> dict[str, object]:
        return {
            "path": request.url.path,
            "query": list(request.query_params.multi_items()),
            "body": (await request.body()).decode(),
            "restored": self.restored,
            "page_info": {"after": "c-1"},
        }


@pytest.fixture
async def through() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a doorway to a server that repeats what it is asked."""
    product, app = _Product(), FastAPI()
    app.add_api_route("/{path:path}", product.answer, methods=["GET", "PUT"])
    async with (
        serving(app) as address,
        doorway_to(address, _Ids(), product.restore) as doorway,
        httpx.AsyncClient(base_url=doorway) as client,
    ):
        yield client


async def test_placeholders_are_exchanged(through: httpx.AsyncClient) -> None:
    """In paths, queries and bodies."""
    said = (await through.get("/v1/commits/id", params={"channel_id": "channel_id"})).json()
    assert (said["path"], said["query"]) == (
        "/v1/commits/our-commit",
        [["channel_id", "our-in-app"]],
    )
    said = (await through.put("/v1/schedules", json={"schedule_ids": [_EXAMPLE]})).json()
    assert said["body"] == '{"schedule_ids":["our-schedule"]}'


async def test_a_made_up_cursor_is_that_of_the_first_page(through: httpx.AsyncClient) -> None:
    """The test wants a page; which one it cannot know."""
    query = {"after": "after", "before": "before", "limit": 0}
    said = (await through.get("/v1/commits", params=query)).json()
    assert said["query"] == [["limit", "0"], ["after", "c-1"]]


async def test_what_was_written_is_taken_back(through: httpx.AsyncClient) -> None:
    """Before the next request, and only then."""

    async def restored(method: str) -> int:
        return int((await through.request(method, "/v1/users")).json()["restored"])

    assert [await restored(each) for each in ("GET", "PUT", "GET", "GET")] == [0, 0, 1, 1]

"""What the own tests of SDKs call in the place of the product: a server that passes requests on.

Their placeholders are exchanged on the way, and after whatever writes, the database is brought back
before the next request: each test expects what was there at the beginning, in any language.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from starlette.responses import Response

from tests.sdk.placeholders import Asked, exchange
from tests.support.server import serving

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
# Headers of one connection, not of what is said on it.
_OF_CONNECTION = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}


class _Doorway:
    """Passes one request on at a time, so that none meets what another one has written."""

    def __init__(
        self, product: httpx.AsyncClient, ids: Mapping[str, str], restore: Callable[[], None]
    ) -> None:
        self._product = product
        self._ids = ids
        self._restore = restore
        self._has_written = False
        self._one_at_a_time = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        url = httpx.URL(str(request.url))
        query = tuple(url.params.multi_items())
        body = (await request.body()).decode()
        asked = exchange(Asked(request.method, url.path, query, body), self._ids)
        headers = _kept(request.headers)
        async with self._one_at_a_time:
            if self._has_written:
                await asyncio.to_thread(self._restore)
            self._has_written = request.method != "GET"
            if asked.asks_for_cursors:
                first = await self._pass_on(asked.with_cursor(None), headers)
                page = first.json().get("page_info", {}) if first.is_success else {}
                asked = asked.with_cursor(page.get("after"))
            said = await self._pass_on(asked, headers)
        return Response(said.content, said.status_code, _kept(said.headers))

    async def _pass_on(self, asked: Asked, headers: Mapping[str, str]) -> httpx.Response:
        url = self._product.base_url.copy_with(path=asked.path, params=asked.query or None)
        return await self._product.request(
            asked.method, url, headers=headers, content=asked.body.encode()
        )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _OF_CONNECTION}


@asynccontextmanager
async def doorway_to(
    address: str, ids: Mapping[str, str], restore: Callable[[], None]
) -> AsyncIterator[str]:
    """Serve a doorway to a product, and return its address.

    Args:
        address: of the product.
        ids: what the product has chosen, by what it is.
        restore: brings the database of the product back.
    """
    uncompressed = {"accept-encoding": "identity"}
    async with httpx.AsyncClient(base_url=address, headers=uncompressed, timeout=60) as product:
        app = FastAPI(openapi_url=None)
        doorway = _Doorway(product, ids, restore)
        app.add_api_route("/{path:path}", doorway.answer, methods=list(_METHODS))
        async with serving(app) as url:
            yield url

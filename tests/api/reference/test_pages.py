"""The pages at `/docs`, as they are served and as a browser shows them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.support.browser import real_browser
from tests.support.builders import Environment
from tests.support.server import serving


@pytest.mark.parametrize("face", ["knock", "management"])
async def test_pages_need_nothing_from_elsewhere(anonymous: httpx.AsyncClient, face: str) -> None:
    """The landing page leads to both faces; their only script is served from here."""
    assert f'href="/docs/{face}"' in (await anonymous.get("/docs")).text
    page = await anonymous.get(f"/docs/{face}")
    assert "://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    (script,) = re.findall(r'src="([^"]+)"', page.text)
    answer = await anonymous.get(script)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.content) > 1_000_000


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """Serve the product."""
    async with serving(app) as found:
        yield found


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """Open a page in a real browser."""
    async with real_browser() as browser:
        yield await browser.new_page()


async def test_a_reader_searches_and_tries_a_request(
    page: Any, address: str, environment: Environment
) -> None:
    """An operation is found by its words, tried with a key, and nothing else is asked."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{address}/docs/knock")
    await page.get_by_placeholder("Token").first.fill(environment.secret_key)
    await page.get_by_role("button", name="Search").first.click()
    await page.keyboard.type("list tenants")
    await page.get_by_role("option", name="List tenants").first.click()
    await page.get_by_role("button", name="(get /v1/tenants)").first.click()
    async with page.expect_response("**/v1/tenants**") as answered:
        await page.get_by_role("button", name="Send").first.click()
    answer = await answered.value
    assert answer.status == 200
    assert (await answer.json())["entries"] == []
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]

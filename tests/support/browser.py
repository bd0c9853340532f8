"""A real browser for tests that look at what people see; without one they are skipped."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@asynccontextmanager
async def real_browser() -> AsyncIterator[Any]:
    """Start Chromium, as Playwright's browser; skips the test where there is none."""
    playwright = pytest.importorskip(
        "playwright.async_api", reason="no browser: pip install playwright, and Chromium on PATH"
    )
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no browser: there is no Chromium on PATH")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()

"""Pictures of the account over HTTP."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

ADMIN = "/v1/admin/assets"
PNG = b"\x89PNG\r\n\x1a\n and the rest"


def picture(data: bytes = PNG, **members: Any) -> dict[str, Any]:
    """Return a picture as it is sent."""
    content = base64.b64encode(data).decode()
    sent = {"filename": "a ö?.png", "mime_type": "image/png", "content": content}
    return {"asset": {**sent, **members}}


async def test_pictures_are_uploaded_listed_shown_and_deleted(
    management: httpx.AsyncClient,
) -> None:
    """Newest first; everybody sees one who has its address, and nobody takes it for a page."""
    assert (await management.get("/v1/assets")).json()["entries"] == []
    made = [(await management.post(ADMIN, json=picture())).json()["asset"] for _ in range(3)]
    assert (made[0]["filename"], made[0]["asset_type"]) == ("a ö?.png", "library_asset")
    listed = (await management.get("/v1/assets")).json()
    assert listed["entries"] == made[::-1]
    page = (await management.get("/v1/assets?limit=2")).json()
    rest = (await management.get(f"/v1/assets?after={page['page_info']['after']}")).json()
    assert page["entries"] + rest["entries"] == made[::-1]

    shown = await management.get(urlsplit(made[0]["url"]).path, headers={"authorization": ""})
    assert (shown.status_code, shown.content) == (200, PNG)
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]

    path = f"{ADMIN}/{made[0]['id']}"
    assert (await management.delete(path)).status_code == 204
    assert (await management.delete(path)).status_code == 404
    assert (await management.get(urlsplit(made[0]["url"]).path)).status_code == 404
    assert (await management.get(f"/assets/{uuid4()}/a.png")).status_code == 404
    assert (await management.get("/assets/x/a.png")).status_code == 404


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, ["asset"]),
        ({"asset": {}}, ["asset.filename", "asset.mime_type", "asset.content"]),
        (picture(filename="../a.png"), ["asset.filename"]),
        (picture(mime_type="image/svg+xml"), ["asset.mime_type"]),
        (picture(mime_type="image/jpeg"), ["asset.content"]),
        (picture(content="ü"), ["asset.content"]),
        (picture(b""), ["asset.content"]),
        (picture(PNG + b"x" * 1024 * 1024), ["asset.content"]),
    ],
)
async def test_each_fault_is_told_at_its_place(
    management: httpx.AsyncClient, body: dict[str, Any], places: list[str]
) -> None:
    """What is no picture of its type is refused."""
    refused = await management.post(ADMIN, json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == places
    assert (await management.get("/v1/assets")).json()["entries"] == []

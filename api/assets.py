"""Where everybody finds the pictures of the account."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.kit.auth import EngineDep
from api.kit.strings import known_uuid
from services.account.assets import PATH, get_content

router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("/{asset_id}/{filename}")
async def show(asset_id: str, filename: str, engine: EngineDep) -> Response:
    """Return a picture; its name is for people."""
    found = await get_content(engine, known_uuid(asset_id))
    return Response(
        found.content,
        media_type=found.mime_type,
        headers={
            "cache-control": "public, max-age=86400, immutable",
            "content-security-policy": "default-src 'none'; sandbox",
            "x-content-type-options": "nosniff",
        },
    )

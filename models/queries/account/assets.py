"""SQL over the pictures of the account."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from domain.account.assets import Asset, AssetContent
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, fetch_one
from runtime.database import Connection

_ASSETS = Listing(Asset, "assets a", "a", ("id",))


async def list_assets(connection: Connection, request: PageRequest) -> Page[Asset]:
    """Return a page of the pictures, newest first, without their bytes."""
    where = Where()
    where.add("true")
    return await _ASSETS.page(connection, where, request)


async def get_content(connection: Connection, asset_id: UUID) -> AssetContent | None:
    """Return the bytes of a picture."""
    return await fetch_one(
        connection, AssetContent, "SELECT mime_type, content FROM assets WHERE id = %s", [asset_id]
    )


async def insert_asset(connection: Connection, asset: Asset, content: bytes) -> None:
    """Store a picture."""
    await connection.execute(
        """
        INSERT INTO assets (id, filename, mime_type, asset_type, content, inserted_at, updated_at)
        VALUES (%(id)s, %(filename)s, %(mime_type)s, %(asset_type)s, %(content)s, %(inserted_at)s,
            %(updated_at)s)
        """,
        {**asdict(asset), "content": content},
    )


async def delete_asset(connection: Connection, asset_id: UUID) -> bool:
    """Delete a picture; tells whether there was one."""
    cursor = await connection.execute("DELETE FROM assets WHERE id = %s", [asset_id])
    return cursor.rowcount > 0

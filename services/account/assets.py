"""Pictures of the account, which everybody may see who has the address.

Source: Knock Management API, "Assets".
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from domain.account.assets import LIBRARY_ASSET, Asset, AssetContent, AssetIn
from domain.kit.errors import NotFound
from domain.kit.ids import new_id
from domain.kit.pages import Page, PageRequest
from models.queries.account import assets as queries
from services.engine import Engine

PATH = "/assets"


@dataclass(frozen=True, slots=True)
class AssetView:
    """A picture, and where everybody finds it."""

    asset: Asset
    url: str


async def list_assets(engine: Engine, request: PageRequest) -> Page[AssetView]:
    """Return a page of the pictures, newest first."""
    async with engine.connection() as connection:
        page = await queries.list_assets(connection, request)
    return page.of(_view(engine, asset) for asset in page.rows)


async def get_content(engine: Engine, asset_id: UUID) -> AssetContent:
    """Return the bytes of a picture. Raises NotFound."""
    async with engine.connection() as connection:
        found = await queries.get_content(connection, asset_id)
    if found is None:
        raise _missing()
    return found


async def add_asset(engine: Engine, wanted: AssetIn) -> AssetView:
    """Store a picture. It is never changed: another one has another address."""
    async with engine.unit() as unit:
        asset = Asset(
            id=new_id(),
            filename=wanted.filename,
            mime_type=wanted.mime_type,
            asset_type=LIBRARY_ASSET,
            inserted_at=unit.now,
            updated_at=unit.now,
        )
        await queries.insert_asset(unit.connection, asset, wanted.bytes())
    return _view(engine, asset)


async def delete_asset(engine: Engine, asset_id: UUID) -> None:
    """Delete a picture; what shows it shows nothing then. Raises NotFound."""
    async with engine.connection() as connection:
        if not await queries.delete_asset(connection, asset_id):
            raise _missing()


def _view(engine: Engine, asset: Asset) -> AssetView:
    name = quote(asset.filename or "file", safe="")
    return AssetView(asset, f"{engine.settings.public_address}{PATH}/{asset.id}/{name}")


def _missing() -> NotFound:
    return NotFound("The asset does not exist.")

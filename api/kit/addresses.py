"""Where this API is reached, for answers that name an address of it."""

from __future__ import annotations

from typing import cast

from fastapi import Request

from services.engine import Engine


def address_of_api(request: Request) -> str:
    """Return the public address, or else the one that was asked, without a slash at the end.

    Behind a proxy a request may name a host that nobody outside knows.
    """
    engine = cast(Engine, request.app.state.engine)
    return (engine.settings.public_url or str(request.base_url)).rstrip("/")

"""Where links in messages lead that tell us when they are followed, and the image of e-mails.

Nobody who follows one has a key, and everybody may ask: what an address says, only we can have
made.
"""

from __future__ import annotations

import base64

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.kit.auth import EngineDep
from api.kit.pages import render_invalid_link
from domain.kit.errors import NotFound
from domain.tracking.rows import TrackedLink
from domain.tracking.visitors import is_person
from services.engine import Engine
from services.tracking.addresses import (
    LINK_PATH,
    OPEN_PATH,
    SHORT_PATH,
    read_link,
    read_opening,
    read_short_link,
)
from services.tracking.recording import record_click, record_opening

router = APIRouter(include_in_schema=False)

_METHODS = ["GET", "HEAD"]
# Whatever is kept on the way is not asked for again, and would not be told.
_HEADERS = {"cache-control": "no-store", "x-robots-tag": "noindex"}
# One transparent dot.
_IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII="
)


@router.api_route(LINK_PATH + "/{token}", methods=_METHODS)
async def follow(token: str, request: Request, engine: EngineDep) -> Response:
    """Lead to where a link says, and record that somebody followed it."""
    try:
        link = read_link(engine, token)
    except NotFound:
        return render_invalid_link()
    return await _followed(engine, request, link)


@router.api_route(SHORT_PATH + "/{key}", methods=_METHODS)
async def follow_short(key: str, request: Request, engine: EngineDep) -> Response:
    """Lead to where a short link does, and record that somebody followed it."""
    try:
        link = await read_short_link(engine, key)
    except NotFound:
        return render_invalid_link()
    return await _followed(engine, request, link)


async def _followed(engine: Engine, request: Request, link: TrackedLink) -> Response:
    if is_person(request.method, request.headers):
        await record_click(engine, link)
    return RedirectResponse(link.url, 302, _HEADERS)


@router.api_route(OPEN_PATH + "/{token}.png", methods=_METHODS)
async def show(token: str, request: Request, engine: EngineDep) -> Response:
    """Return the image of an e-mail, and record that somebody opened it.

    Raises:
        NotFound: the image is none of ours.
    """
    message_id = read_opening(engine, token)
    if is_person(request.method, request.headers):
        await record_opening(engine, message_id)
    return Response(_IMAGE, media_type="image/png", headers=_HEADERS)

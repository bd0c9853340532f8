"""The page that a link to unsubscribe leads to, and what mail programs send there by themselves.

Scanners of mail follow links to see where they lead, so to look at one changes nothing: the page
sends its form by itself, which is one click for a person and none for a scanner (RFC 8058).
"""

from __future__ import annotations

import secrets

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from api.kit.auth import EngineDep
from domain.kit.errors import NotFound
from services.preferences.unsubscribing import PATH, check_link, unsubscribe

router = APIRouter(prefix=PATH, include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style nonce="{nonce}">
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 32rem }}
button {{ font: inherit; padding: .5rem 1rem }}
</style>
<h1>{title}</h1>
<p>{text}</p>
{rest}
</html>
"""
_FORM = """<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Unsubscribe</button>
</form>
<script nonce="{nonce}">document.forms[0].submit()</script>"""
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/{token}")
async def show(token: str, engine: EngineDep) -> HTMLResponse:
    """Show the form that unsubscribes, and let it send itself."""
    try:
        check_link(engine, token)
    except NotFound:
        return _invalid()
    return _page("Unsubscribe", "You will receive no more commercial messages from us.", _FORM)


@router.post("/{token}")
async def take(token: str, engine: EngineDep) -> HTMLResponse:
    """Unsubscribe the recipient of a link; what the body says does not matter."""
    try:
        await unsubscribe(engine, token)
    except NotFound:
        return _invalid()
    return _page("You are unsubscribed", "You will receive no more commercial messages from us.")


def _invalid() -> HTMLResponse:
    text = "It may have been cut off. Try the link in another message of ours."
    return _page("This link is not valid", text, status_code=404)


def _page(title: str, text: str, rest: str = "", status_code: int = 200) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    return HTMLResponse(
        _PAGE.format(title=title, text=text, rest=rest.format(nonce=nonce), nonce=nonce),
        status_code,
        headers={
            "cache-control": "no-store",
            "content-security-policy": _POLICY.format(nonce=nonce),
            "referrer-policy": "no-referrer",
        },
    )

"""The page that a link to unsubscribe leads to, and what mail programs send there by themselves.

Scanners of mail follow links to see where they lead, so to look at one changes nothing: the page
sends its form by itself, which is one click for a person and none for a scanner (RFC 8058).
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from api.kit.auth import EngineDep
from api.kit.pages import new_nonce, render_invalid_link, render_page
from domain.kit.errors import NotFound
from services.preferences.unsubscribing import PATH, check_link, unsubscribe

router = APIRouter(prefix=PATH, include_in_schema=False)

_NO_MORE = "<p>You will receive no more commercial messages from us.</p>"
_FORM = """
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Unsubscribe</button>
</form>
<script nonce="{nonce}">document.forms[0].submit()</script>"""


@router.get("/{token}")
async def show(token: str, engine: EngineDep) -> HTMLResponse:
    """Show the form that unsubscribes, and let it send itself."""
    try:
        check_link(engine, token)
    except NotFound:
        return render_invalid_link()
    nonce = new_nonce()
    return render_page("Unsubscribe", _NO_MORE + _FORM.format(nonce=nonce), nonce=nonce)


@router.post("/{token}")
async def take(token: str, engine: EngineDep) -> HTMLResponse:
    """Unsubscribe the recipient of a link; what the body says does not matter."""
    try:
        await unsubscribe(engine, token)
    except NotFound:
        return render_invalid_link()
    return render_page("You are unsubscribed", _NO_MORE)

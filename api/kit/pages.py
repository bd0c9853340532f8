"""The frame of the pages that people see: one file each, and nothing from elsewhere."""

from __future__ import annotations

import secrets
from html import escape

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<style nonce="{nonce}">
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 32rem }}
body {{ padding: 0 1rem }}
button {{ font: inherit; padding: .5rem 1rem }}
{style}</style>
<h1>{title}</h1>
{body}
</html>
"""
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_CUT_OFF = "It may have been cut off. Try the link in another message."


def new_nonce() -> str:
    """Make what a page's own styles and scripts are told by."""
    return secrets.token_urlsafe(16)


def render_page(
    title: str, body: str, *, style: str = "", nonce: str | None = None, status: int = 200
) -> HTMLResponse:
    """Answer a page that no cache keeps, and that tells no other site where it was.

    Args:
        title: plain text.
        body: HTML, from which everything that others wrote is escaped.
        style: more CSS.
        nonce: of the scripts in the body, if there are any.
        status: of the answer.
    """
    nonce = nonce or new_nonce()
    return HTMLResponse(
        _PAGE.format(title=escape(title), body=body, style=style, nonce=nonce),
        status,
        headers={
            "cache-control": "no-store",
            "content-security-policy": _POLICY.format(nonce=nonce),
            "referrer-policy": "no-referrer",
        },
    )


def render_invalid_link() -> HTMLResponse:
    """Answer that a link is none of ours."""
    return render_page("This link is not valid", f"<p>{_CUT_OFF}</p>", status=404)

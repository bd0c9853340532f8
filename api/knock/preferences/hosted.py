"""The hosted page on which a user sets its preferences, made here and without a script.

To look at it changes nothing: scanners of mail follow links to see where they lead.
"""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from api.kit.auth import EngineDep
from api.kit.bodies import read_form
from api.kit.pages import render_invalid_link, render_page
from domain.channels.kinds import find_kind
from domain.kit.branding import HEX_COLOR
from domain.kit.errors import NotFound
from domain.preferences.choices import Choice
from services.preferences.hosted import (
    PATH,
    HostedPage,
    LinkExpired,
    UserGone,
    open_page,
    save_page,
)

router = APIRouter(prefix=PATH, include_in_schema=False)

_COLOR = re.compile(HEX_COLOR)
_STYLE = """fieldset { border: 0; margin: 0; padding: 0 }
.row { border-top: 1px solid #8886; padding: 1rem 0 }
.row p { margin: .25rem 0 0; opacity: .8 }
legend, .name { font-weight: 600; padding: 0 }
label { display: block; padding: .25rem 0 }
input { accent-color: var(--brand); height: 1.1rem; margin: 0 .5rem 0 0; width: 1.1rem }
button { background: var(--brand); border: 1px solid #8888; color: var(--contrast) }
button { border-radius: .375rem; cursor: pointer; margin-top: 1rem }
:focus-visible { outline: 3px solid #2684ff; outline-offset: 2px }
.saved { border-left: 4px solid #1a7f37; padding-left: .75rem }
.small { font-size: .875rem; opacity: .8 }
.logo { max-height: 3rem; max-width: 12rem }
"""
_FIXED = "This depends on something else, and cannot be changed here."
_EXPIRED = "Open the link in a more recent message."
_GONE = "The user whose preferences it changed no longer exists."


@router.get("/{token}")
async def show(token: str, engine: EngineDep) -> HTMLResponse:
    """Show the preferences of the user of a link."""
    try:
        page = await open_page(engine, token)
    except NotFound as error:
        return _refused(error)
    return _rendered(page, address=engine.settings.public_address)


@router.post("/{token}")
async def save(token: str, request: Request, engine: EngineDep) -> HTMLResponse:
    """Store what the user of a link has switched, and show it."""
    form = await read_form(request)
    shown, on = form.get("shown", []), form.get("on", [])
    try:
        page = await save_page(engine, token, shown=set(shown), on=set(on))
    except NotFound as error:
        return _refused(error)
    return _rendered(page, address=engine.settings.public_address, is_saved=True)


def _refused(error: NotFound) -> HTMLResponse:
    match error:
        case LinkExpired():
            return render_page("This link has expired", f"<p>{_EXPIRED}</p>", status=410)
        case UserGone():
            return render_page("This link is no longer valid", f"<p>{_GONE}</p>", status=404)
    return render_invalid_link()


def _rendered(page: HostedPage, *, address: str, is_saved: bool = False) -> HTMLResponse:
    rows = [list(choices) for _, choices in groupby(page.choices, key=lambda one: one.row)]
    body = page.center.text("body") if page.center.enabled else ""
    saved = '<p class="saved" role="status">Your preferences are saved.</p>' if is_saved else ""
    written = "".join(_row(index, choices) for index, choices in enumerate(rows))
    return render_page(
        page.center.text("title") or "Preferences",
        f"{_head(page, address)}{saved}<p>{escape(body)}</p>"
        f'<form method="post">{written}<button>Save preferences</button></form>'
        f'<p class="small">These are the preferences of {escape(page.user_email)}.</p>',
        style=_colors(page) + _STYLE,
    )


def _head(page: HostedPage, address: str) -> str:
    """Write who asks. A logo is shown when it lies here: no other site learns who looks."""
    name, logo = page.around.account_name or "", page.around.branding.get("logo_url")
    is_named = page.center.shows_account_name
    parts = []
    if isinstance(logo, str) and logo.startswith(f"{address}/"):
        there = urlsplit(logo)
        path = f"/{there.path.lstrip('/')}" + (f"?{there.query}" if there.query else "")
        parts.append(f'<img class="logo" src="{escape(path)}" alt="{escape(name)}">')
    if name and is_named:
        parts.append(f"<strong>{escape(name)}</strong>")
    return f"<p>{' '.join(parts)}</p>" if parts else ""


def _row(index: int, choices: list[Choice]) -> str:
    """Write a row: one switch with its name, or a group of them."""
    row = choices[0].row
    notes = [row.description, _FIXED if any(one.is_fixed for one in choices) else ""]
    notes_id = f"about-{index}"
    written = "".join(f"<p>{escape(note)}</p>" for note in notes if note)
    about = f'<div id="{notes_id}">{written}</div>'
    if choices[0].channel_type is None:
        switch = _switch(choices[0], row.name, css="name", described_by=notes_id)
        return f'<div class="row">{switch}{about}</div>'
    switches = "".join(_switch(one, _label(one.channel_type)) for one in choices)
    return (
        f'<fieldset class="row" aria-describedby="{notes_id}">'
        f"<legend>{escape(row.name)}</legend>{about}{switches}</fieldset>"
    )


def _switch(choice: Choice, label: str, *, css: str = "", described_by: str = "") -> str:
    name = escape(choice.name)
    marks = (" checked" if choice.is_on else "") + (" disabled" if choice.is_fixed else "")
    about = f' aria-describedby="{described_by}"' if described_by else ""
    shown = "" if choice.is_fixed else f'<input type="hidden" name="shown" value="{name}">'
    return (
        f'{shown}<label class="{css}"><input type="checkbox" name="on" value="{name}"{about}'
        f"{marks}>{escape(label)}</label>"
    )


def _label(channel_type: str | None) -> str:
    kind = find_kind(channel_type or "")
    return kind.label if kind else channel_type or ""


def _colors(page: HostedPage) -> str:
    """Write the environment's colours, those that are colours, for the light and the dark."""
    branding = page.around.branding

    def said(prefix: str) -> str:
        pairs = (("brand", "primary_color"), ("contrast", "primary_color_contrast"))
        found = ((css, branding.get(f"{prefix}{name}")) for css, name in pairs)
        return "".join(
            f"--{css}: {color}; "
            for css, color in found
            if isinstance(color, str) and _COLOR.fullmatch(color)
        )

    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {said('dark_')}}} }}\n"
    return f":root {{ {said('')}}}\n{dark}"

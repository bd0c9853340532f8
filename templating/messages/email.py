"""E-mails: body compiled into its layout, text part, headers from settings.

Source: Knock docs, "Email layouts" and "Email channel settings".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from domain.channels.email import EmailContent
from domain.conditions import lookup
from domain.content.email_layout import CONTENT, EmailLayout
from domain.kit.json_types import JsonObject
from templating.limits import LiquidError
from templating.liquid.printing import to_text
from templating.liquid.renderer import Renderer, one_line
from templating.markup.html_sandbox import inline_css
from templating.markup.html_text import html_to_text

# Private-use characters fence the body in the rendered document, so that the text part can be
# made from the body alone although layout and body are rendered as one.
_BODY_START = "\ue0c1\ue0c2\ue0c1"
_BODY_END = "\ue0c2\ue0c1\ue0c2"
# A line of a mail has 998 characters at most (RFC 5322).
_LONGEST_LINK = 900
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")


def render_email(
    template: JsonObject, renderer: Renderer, settings: JsonObject, layout: EmailLayout | None
) -> EmailContent:
    """Render an e-mail.

    Args:
        template: Knock's e-mail template with `html_body`.
        renderer: carries scope and budget.
        settings: effective channel settings.
        layout: the layout that the template's `layout_key` names.

    Raises:
        LiquidError: for a failing field, a missing layout, or a kind of body not supported.
    """
    refuse_unsupported(template)
    own = template.get("settings") or {}
    if own.get("layout_key") is None:
        layout = None
    elif layout is None:
        raise LiquidError(f"The e-mail layout '{own['layout_key']}' does not exist.")
    # Knock's own files have it beside the settings as well as in them.
    preview_text = own.get("preview_text") or template.get("preview_text")
    preview = renderer.line(preview_text, "preview_text")
    renderer = renderer.extended({"preview_text": preview})
    html, body = _render_html(template, renderer, layout)
    sender = renderer.line(settings.get("from_address"), "from_address")
    name = renderer.line(settings.get("from_name"), "from_name")
    if sender and name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        sender = f'"{quoted}" <{sender}>'
    return {
        "from": sender,
        "to": renderer.line(settings.get("to_address") or "{{ recipient.email }}", "to_address"),
        "cc": _addresses(settings, "cc_address", renderer),
        "bcc": _addresses(settings, "bcc_address", renderer),
        "reply_to": _addresses(settings, "reply_to_address", renderer),
        "subject_line": renderer.line(template.get("subject"), "subject"),
        "html_body": inline_css(html),
        "text_body": _render_text_part(template, renderer, layout, body),
        "headers": _with_unsubscribe(_headers(settings, renderer), renderer),
    }


def count_attachments(template: JsonObject, data: Mapping[str, object]) -> int:
    """Return how many attachments the data brings for an e-mail; sending them is not supported.

    They stand at the template's `settings.attachment_key`, a path into the data, as one object or
    as a list of objects (Knock docs: "Attachments").
    """
    key = (template.get("settings") or {}).get("attachment_key") or "attachments"
    found = lookup({**data, "data": data}, key) if isinstance(key, str) else None
    return sum(isinstance(item, dict) for item in (found if isinstance(found, list) else [found]))


def refuse_unsupported(template: JsonObject) -> None:
    """Raise LiquidError for bodies that this version cannot render."""
    if template.get("visual_blocks") is not None:
        raise LiquidError("visual_blocks: not supported by this version; use html_body")
    if template.get("is_mjml"):
        raise LiquidError("is_mjml: MJML is not supported by this version")


def _render_html(
    template: JsonObject, renderer: Renderer, layout: EmailLayout | None
) -> tuple[str, str]:
    """Return the whole document and the body's part of it."""
    body = to_text(template.get("html_body"))
    before = _declarations(template)
    if layout is None:
        html = renderer.text(before + body, "html_body").strip()
        return html, html
    links = _footer_links(layout, renderer)
    shown = "\n".join(f'<a href="{escape(url)}">{escape(text)}</a>' for text, url in links)
    named = renderer.extended({"footer_links": shown})
    rendered = _render_composed(named, layout.html_layout, body, before, "html")
    inside = rendered.partition(_BODY_START)[2].partition(_BODY_END)[0]
    return rendered.replace(_BODY_START, "").replace(_BODY_END, "").strip(), inside


def _render_text_part(
    template: JsonObject, renderer: Renderer, layout: EmailLayout | None, body_html: str
) -> str:
    """Return the text part: the template's own, or made from the rendered body."""
    source = template.get("text_body")
    before = _declarations(template)
    if layout is None:
        if source is None:
            return html_to_text(body_html)
        return renderer.text(before + to_text(source), "text_body").strip()
    links = _footer_links(layout, renderer)
    shown = "\n".join(text if text == url else f"{text}: {url}" for text, url in links)
    named = renderer.extended({"footer_links": shown})
    if source is not None:
        rendered = _render_composed(named, layout.text_layout, to_text(source), before, "text")
        return rendered.replace(_BODY_START, "").replace(_BODY_END, "").strip()
    # As a value, never as source: what a recipient's data says must not be run as a template.
    named = named.extended({"content": html_to_text(body_html)})
    return named.text(before + layout.text_layout, "text_layout").strip()


def _declarations(template: JsonObject) -> str:
    return to_text((template.get("settings") or {}).get("pre_content"))


def _render_composed(
    renderer: Renderer, layout_source: str, body: str, before: str, kind: str
) -> str:
    """Render body and layout as one template, so that the layout sees the body's variables."""
    place = CONTENT.search(layout_source)
    if place is None:
        raise LiquidError(f"{kind}_layout: has no {{{{ content }}}}")
    fenced = f"{_BODY_START}{body}{_BODY_END}"
    source = before + CONTENT.sub(lambda _: fenced, layout_source)
    try:
        return renderer.text(source, f"{kind}_layout")
    except LiquidError as error:
        first = (before + layout_source[: place.start()]).count("\n") + 1
        if error.line is None or not first <= error.line <= first + body.count("\n"):
            raise
        message = error.message.removeprefix(f"{kind}_layout: ")
        raise LiquidError(f"{kind}_body: {message}", error.line - first + 1) from error


def _footer_links(layout: EmailLayout, renderer: Renderer) -> list[tuple[str, str]]:
    """Render the links; one without an address (no unsubscribe link in this run) is left out."""
    rendered = [
        (
            renderer.line(link.get("text"), "footer_links"),
            renderer.line(link.get("url"), "footer_links"),
        )
        for link in layout.footer_links
    ]
    return [(text or url, url) for text, url in rendered if url]


def _addresses(settings: JsonObject, key: str, renderer: Renderer) -> str | None:
    """Return a list of addresses without the entries that rendered to nothing; None without any."""
    line = renderer.line(settings.get(key), key)
    if '"' not in line:  # a quoted name may have commas of its own; the provider reads it
        line = ", ".join(filter(None, map(str.strip, line.split(","))))
    return line or None


def _with_unsubscribe(headers: dict[str, str], renderer: Renderer) -> dict[str, str]:
    """Add what lets mail programs unsubscribe by one click (RFC 8058), if the run has a link.

    Who has written such a header has a way of his own. Nothing may fold or encode the link, so
    one that no line of a mail can hold is left to the body.
    """
    scope = renderer.scope
    is_commercial = (scope.get("workflow") or {}).get("commercial")
    url = (scope.get("vars") or {}).get("commercial_unsubscribe_url")
    if not is_commercial or not isinstance(url, str) or len(url) > _LONGEST_LINK:
        return headers
    if any(name.lower() == "list-unsubscribe" for name in headers):
        return headers
    return {
        **headers,
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _headers(settings: JsonObject, renderer: Renderer) -> dict[str, str]:
    """Return the extra headers; the rest of the overrides means nothing to SMTP."""
    overrides = renderer.json_object(settings.get("json_overrides"), "json_overrides")
    headers = overrides.get("headers") or {}
    if not isinstance(headers, dict):
        raise LiquidError("json_overrides: headers is not an object")
    for name in headers:
        if not _HEADER_NAME.fullmatch(name):
            raise LiquidError(f"json_overrides: '{one_line(name)[:64]}' is not a header name")
    return {name: one_line(to_text(value)) for name, value in headers.items()}

"""E-mails: body compiled into its layout, text part, headers from settings.

Source: Knock docs, "Email layouts" and "Email channel settings".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from domain.channels.email import EmailContent
from domain.content.email_layout import CONTENT, EmailLayout
from domain.kit.json_types import JsonObject
from templating.limits import LiquidError
from templating.liquid.printing import to_text
from templating.liquid.renderer import Renderer, one_line
from templating.markup.html_sandbox import inline_css
from templating.markup.html_text import html_to_text
from templating.markup.mjml_compiler import mjml_to_html
from templating.messages import composing, mjml
from templating.messages.blocks import BASE_CSS, Body, body_of_blocks
from templating.messages.context import tenants_branding
from templating.messages.mjml_check import check_mjml

# A line of a mail has 998 characters at most (RFC 5322), and a header of Amazon SES 870.
_LONGEST_LINK = 850
# One that begins again before it ends is none; so each is looked through once.
_HEAD = re.compile(r"<head\b(?:[^<>]++|<(?!head\b))*+>", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")


def render_email(
    template: JsonObject, renderer: Renderer, settings: JsonObject, layout: EmailLayout | None
) -> EmailContent:
    """Render an e-mail.

    Args:
        template: Knock's e-mail template, with `html_body` or `visual_blocks`.
        renderer: carries scope and budget.
        settings: effective channel settings.
        layout: the layout that the template's `layout_key` names.

    Raises:
        LiquidError: for a failing field, a missing layout, or a block that is not known.
    """
    own = template.get("settings") or {}
    if not own.get("layout_key"):
        layout = None
    elif layout is None:
        message = f"there is no published e-mail layout '{own['layout_key']}'"
        raise LiquidError(message, field="settings.layout_key")
    # Knock's own files have it beside the settings as well as in them.
    preview_text = own.get("preview_text") or template.get("preview_text")
    preview = renderer.line(preview_text, "preview_text")
    renderer = renderer.extended({"preview_text": preview})
    if layout is not None and layout.branding:
        renderer = renderer.extended({"vars": _branded(renderer, layout)})
    html, body = _render_html(template, renderer, layout)
    overrides = renderer.json_object(settings.get("json_overrides"), "json_overrides")
    sender = renderer.line(settings.get("from_address"), "from_address")
    name = renderer.line(settings.get("from_name"), "from_name")
    if sender and name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        sender = f'"{quoted}" <{sender}>'
    content: EmailContent = {
        "from": sender,
        "to": renderer.line(settings.get("to_address") or "{{ recipient.email }}", "to_address"),
        "cc": _addresses(settings, "cc_address", renderer),
        "bcc": _addresses(settings, "bcc_address", renderer),
        "reply_to": _addresses(settings, "reply_to_address", renderer),
        "subject_line": renderer.line(template.get("subject"), "subject"),
        "html_body": inline_css(html),
        "text_body": _render_text_part(template, renderer, layout, body),
        "headers": _with_unsubscribe(_headers(overrides), renderer),
    }
    if overrides:
        content["overrides"] = overrides
    return content


def _branded(renderer: Renderer, layout: EmailLayout) -> JsonObject:
    """Return `vars` with the branding of the layout below that of the tenant."""
    variables = renderer.value("vars") or {}
    branding = variables.get("branding") or {}
    tenants = tenants_branding(renderer.value("tenant"))
    return {**variables, "branding": {**branding, **layout.branding, **tenants}}


def _body(template: JsonObject, *, is_mjml: bool) -> Body:
    """Return the source of the body, from blocks where there are any."""
    blocks = template.get("visual_blocks")
    if isinstance(blocks, list):
        return body_of_blocks(blocks, mjml.mjml_of_block if is_mjml else None)
    return Body(to_text(template.get("html_body")), [(1, "html_body")], is_written=True)


def _render_html(
    template: JsonObject, renderer: Renderer, layout: EmailLayout | None
) -> tuple[str, str]:
    """Return the whole document and the body's part of it."""
    before = _declarations(template)
    is_mjml = layout.is_mjml if layout is not None else template.get("is_mjml") is True
    has_blocks = isinstance(template.get("visual_blocks"), list)
    body = _body(template, is_mjml=is_mjml)
    if layout is None:
        source = _alone(body, is_mjml=is_mjml) if has_blocks else body
        rendered = composing.render(renderer, [before, composing.Inside(source)], "html_body")
        whole, inside = rendered.strip(), rendered
    else:
        if not is_mjml:
            mjml.refuse_html_layout(template.get("is_mjml") is True)
        links = _footer_links(layout, renderer)
        shown = "\n".join(f'<a href="{escape(url)}">{escape(text)}</a>' for text, url in links)
        named = renderer.extended({"footer_links": shown})
        sheets: Iterable[str] = () if is_mjml else renderer.collect_styles()
        source, place = body, CONTENT.search(layout.html_layout)
        if is_mjml and place is not None:
            layout_before = layout.html_layout[: place.start()]
            source = mjml.fitted(body, layout_before, renderer.partials)
        pieces = _laid_out(layout, source, is_mjml=is_mjml, has_blocks=has_blocks)
        rendered = composing.render(named, [before, *pieces], "html_layout")
        inside = composing.inside_of(rendered)
        whole = _with_styles("".join(sheets), composing.whole_of(rendered))
    if not is_mjml:
        return whole, inside
    try:
        return mjml_to_html(whole), mjml.readable(inside)
    except LiquidError as error:
        raise _blamed(error, layout, body) from error


def _blamed(error: LiquidError, layout: EmailLayout | None, body: Body) -> LiquidError:
    """Return why an e-mail cannot be compiled, as a fault of what was written.

    The place is that in the source, where it is wrong whatever the values are.
    """
    if layout is not None and (wrong := check_mjml(layout.html_layout)):
        return wrong.within("html_layout")
    wrong = check_mjml(body.source, is_part=layout is not None) if body.is_written else None
    return (wrong or LiquidError(error.message)).within(body.places[0][1])


def _laid_out(
    layout: EmailLayout, body: Body, *, is_mjml: bool, has_blocks: bool
) -> Sequence[composing.Piece]:
    """Put a body into its layout, with the styles that its blocks need."""
    source = layout.html_layout
    styles = None
    if has_blocks:
        html_styles = (_top_of_head(source), f"<style>{BASE_CSS}</style>")
        styles = mjml.base_styles(source) if is_mjml else html_styles
    return composing.laid_out("html_layout", source, body, styles)


def _alone(body: Body, *, is_mjml: bool) -> Body:
    """Return blocks that stand without a layout, with the styles that they need."""
    if is_mjml:
        whole = mjml.fitted(body, "<mj-body>")
        document = mjml.whole_document(whole.source)
        at, styles = mjml.base_styles(document) or (0, "")
        moved = [(line + styles.count("\n"), name) for line, name in whole.places]
        return Body(document[:at] + styles + document[at:], [(1, moved[0][1]), *moved])
    style = f"<style>{BASE_CSS}</style>"
    lines = style.count("\n") + 1
    return Body(f"{style}\n{body.source}", [(line + lines, name) for line, name in body.places])


def _with_styles(styles: str, document: str) -> str:
    """Write style elements at the top of a document's head, where the document's own win."""
    at = _top_of_head(document)
    return f"{document[:at]}{styles}{document[at:]}"


def _top_of_head(document: str) -> int:
    head = _HEAD.search(document)
    return head.end() if head else 0


def _render_text_part(
    template: JsonObject, renderer: Renderer, layout: EmailLayout | None, body_html: str
) -> str:
    """Return the text part: the template's own, or made from the rendered body."""
    source = template.get("text_body")
    before = _declarations(template)
    if layout is None:
        if source is None:
            return html_to_text(body_html)
        body = composing.Written("text_body", to_text(source))
        return composing.render(renderer, [before, body], "text_body").strip()
    links = _footer_links(layout, renderer)
    shown = "\n".join(text if text == url else f"{text}: {url}" for text, url in links)
    named = renderer.extended({"footer_links": shown})
    if source is not None:
        text = Body(to_text(source), [(1, "text_body")], is_written=True)
        pieces = composing.laid_out("text_layout", layout.text_layout, text, None)
        return composing.whole_of(composing.render(named, [before, *pieces], "text_layout"))
    # As a value, never as source: what a recipient's data says must not be run as a template.
    named = named.extended({"content": html_to_text(body_html)})
    around = composing.Written("text_layout", layout.text_layout)
    return composing.render(named, [before, around], "text_layout").strip()


def _declarations(template: JsonObject) -> composing.Piece:
    source = (template.get("settings") or {}).get("pre_content")
    return composing.declared(to_text(source))


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

    Whoever has written such a header has a way of their own. Nothing may fold or encode the link,
    so one that no line of a mail can hold is left to the body.
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


def _headers(overrides: JsonObject) -> dict[str, str]:
    """Return the extra headers; the rest of the overrides is laid over a vendor's request."""
    headers = overrides.get("headers") or {}
    if not isinstance(headers, dict):
        raise LiquidError("headers is not an object", field="json_overrides")
    for name in headers:
        if not _HEADER_NAME.fullmatch(name):
            message = f"'{one_line(name)[:64]}' is not a header name"
            raise LiquidError(message, field="json_overrides")
    return {name: one_line(to_text(value)) for name, value in headers.items()}

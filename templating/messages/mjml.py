"""MJML: visual blocks as its components, and the compiled document (Knock docs: "MJML support").

Liquid runs before MJML is compiled, so loops may make whole sections. HTML between components
stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from domain.content.partial import MAX_DEPTH, Partial
from domain.kit.json_types import JsonObject
from domain.kit.liquid import has_liquid
from templating.limits import LiquidError
from templating.liquid.printing import to_text
from templating.liquid.text_filters import mjml_width
from templating.markup.mjml_compiler import ENDING_TAGS, TAG, OpenTags
from templating.messages.blocks import (
    BASE_CSS,
    Body,
    attribute,
    color,
    html_of_block,
    number,
    padding_of,
    shown_with_address,
)

# A tag that another one begins in is none; so each is looked for as far as the next one only.
_REST = r"(?:[^<>]++|<(?!/?mj))*+"
_TAG = re.compile(rf"<(/?)(mj-[a-z-]++)(?!\w)({_REST})>", re.IGNORECASE)
_HEAD = re.compile(rf"<mj-head\b{_REST}>", re.IGNORECASE)
_ROOT = re.compile(rf"<mjml\b{_REST}>", re.IGNORECASE)
_RENDER = re.compile(r"\{%-?\s*+render\s*+(['\"])([^'\"]*+)\1")
_COLUMNS = frozenset({"mj-column", "mj-hero"})
_SECTIONS = frozenset({"mj-section", "mj-group"})
_IN_COLUMNS = frozenset(
    {
        "mj-accordion", "mj-button", "mj-carousel", "mj-divider", "mj-image", "mj-navbar",
        "mj-social", "mj-spacer", "mj-table", "mj-text",
    }
)  # fmt: skip
# What components are in the text part.
_AS_HTML = {"mj-table": "table", "mj-navbar-link": "a"}
_HREF = re.compile(r"\shref=(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_HIDDEN = re.compile(
    r"<(mj-head|mj-style|mj-preview)\b(?:[^<]++|<(?!/?\1\b))*+</\1\s*>", re.IGNORECASE
)
_SIZES = {"sm": ("14px", "4px 8px"), "md": ("16px", "8px 16px"), "lg": ("18px", "12px 24px")}


def mjml_of_block(block: JsonObject, place: str) -> str:
    """Write one block as a component of a column. Raises LiquidError for an unknown type."""
    html_of_block(block, place)  # refuses what is not known
    block_type = to_text(block.get("type"))
    given = block.get("layout_attrs")
    layout = given if isinstance(given, dict) else {}
    row = f'css-class="block-row block-row--{block_type}-v1" padding="{padding_of(block)}"'
    if block_type == "divider":
        return f'<mj-divider {row} border-width="1px" border-color="#dddee1" />'
    if block_type == "image":
        return shown_with_address(block, _image(block, layout, row))
    buttons = block.get("buttons")
    if block_type == "button_set" and isinstance(buttons, list) and len(buttons) == 1:
        return _button(buttons[0], layout, row)
    # Several buttons stand side by side only as text.
    inner = html_of_block(block, place)
    cell = inner[inner.index("<td") :]
    content = cell[cell.index(">") + 1 : cell.rindex("</td>")]
    return f'<mj-text {row} align="{_align(layout, "left")}">{content}</mj-text>'


def _align(layout: JsonObject, default: str) -> str:
    align = layout.get("horizontal_align")
    return align if align in ("left", "center", "right") else default


def _image(block: JsonObject, layout: JsonObject, row: str) -> str:
    styles = block.get("style_attrs")
    width = to_text(styles.get("width") if isinstance(styles, dict) else None)
    return (
        f'<mj-image {row} src="{attribute(block.get("url"))}" alt="{attribute(block.get("alt"))}"'
        f"{_unless_empty('width', width, 'mjml_width', mjml_width)}{_link(block)}"
        f' align="{_align(layout, "center")}" />'
    )


def _link(block: JsonObject) -> str:
    """Write where an image or a button leads, if it leads anywhere."""
    return _unless_empty("href", to_text(block.get("action")), "strip | escape_once", attribute)


def _unless_empty(name: str, source: str, filters: str, read: Callable[[str], str]) -> str:
    """Write an attribute of a component, and none whose value is, or renders to, nothing.

    Args:
        name: of the attribute.
        source: its value as the block has it.
        filters: make of what Liquid renders what stands in an attribute.
        read: does the same with a source that has no Liquid.
    """
    if not has_liquid(source):
        value = read(source)
        return f' {name}="{value}"' if value else ""
    return (
        f"{{% capture block_value %}}{source}{{% endcapture %}}"
        f"{{% assign block_value = block_value | {filters} %}}"
        f"{{% if block_value != '' %}} {name}=\"{{{{ block_value }}}}\"{{% endif %}}"
    )


def _button(button: object, layout: JsonObject, row: str) -> str:
    own = button if isinstance(button, dict) else {}
    sizes, styles = own.get("size_attrs") or {}, own.get("style_attrs") or {}
    font, inner = _SIZES.get(to_text(sizes.get("size")), _SIZES["md"])
    is_outline = own.get("variant") == "outline"
    background = color(
        styles.get("background_color"), "transparent" if is_outline else color("primary_color")
    )
    text = color(
        styles.get("text_color"), color("primary_color" if is_outline else "primary_color_contrast")
    )
    border = color(styles.get("border_color"), text if is_outline else background)
    attributes = {
        "background-color": background,
        "color": text,
        "border": f"{number(styles, 'border_width', 1)}px solid {border}",
        "border-radius": f"{number(styles, 'border_radius', 6)}px",
        "font-size": font,
        "inner-padding": inner,
        "align": _align(layout, "left"),
    }
    if sizes.get("is_fullwidth") is True:
        attributes["width"] = "100%"
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items() if value)
    return f"<mj-button {row}{_link(own)} {written}>{to_text(own.get('label'))}</mj-button>"


def fitted(
    body: Body, layout_before: str, partials: Mapping[str, Partial] = MappingProxyType({})
) -> Body:
    """Put around components what is missing where they stand; the first of them tells for all.

    HTML without components needs nothing around it.

    Args:
        body: components.
        layout_before: the source of the layout as far as the body's place.
        partials: those that the body may render, one of which may have its first component.
    """
    parent, first = _open_at_the_end(layout_before), _first_in(body.source, partials, set())
    if parent in _COLUMNS or parent in ENDING_TAGS or first not in _IN_COLUMNS | {"mj-column"}:
        return body
    before, after = ("<mj-column>\n", "\n</mj-column>") if first in _IN_COLUMNS else ("", "")
    if parent not in _SECTIONS:
        before, after = f'<mj-section padding="0">\n{before}', f"{after}\n</mj-section>"
    lines = before.count("\n")
    return Body(
        before + body.source + after,
        [(1, body.places[0][1])] + [(line + lines, name) for line, name in body.places],
        is_written=body.is_written,
    )


def _first_in(
    source: str, partials: Mapping[str, Partial], seen: set[str], depth: int = MAX_DEPTH
) -> str:
    """Return the first component of a source, be it in a partial; without one, nothing.

    Args:
        source: of the body, or of a partial that it renders.
        partials: all that there are.
        seen: the keys of those that were looked through, as each is once.
        depth: how deep partials may still be nested.
    """
    own = next((found for found in TAG.finditer(source) if found["name"]), None)
    for _, key in _RENDER.findall(source, 0, own.start() if own else len(source)):
        if depth and key in partials and key not in seen:
            seen.add(key)
            if first := _first_in(partials[key].content, partials, seen, depth - 1):
                return first
    return own["name"] if own else ""


def _open_at_the_end(source: str) -> str:
    """Return the component that a source ends in; without one, nothing."""
    tags = OpenTags()
    for closing, written, rest in _TAG.findall(source):
        name = written.lower()
        if closing:
            tags.close(name)
        elif not rest.endswith("/"):
            tags.open(name)
    return tags.last


def base_styles(document: str) -> tuple[int, str] | None:
    """Return the styles of blocks, and where in a document they belong; None for no document."""
    style = f"<mj-style>{BASE_CSS}</mj-style>"
    if head := _HEAD.search(document):
        return head.end(), style
    if root := _ROOT.search(document):
        return root.end(), f"<mj-head>{style}</mj-head>"
    return None


def whole_document(body: str) -> str:
    """Make a document of components that stand without a layout."""
    if _ROOT.search(body):
        return body
    return f"<mjml><mj-body>{body}</mj-body></mjml>"


def readable(fragment: str) -> str:
    """Write rendered components as HTML that the text part can be made from."""
    fragment = _HIDDEN.sub("", fragment)

    def renamed(found: re.Match[str]) -> str:
        name, is_end = found[2].lower(), bool(found[1])
        inside = found[3].rstrip("/")
        if name == "mj-image":
            return "" if is_end else _readable_image(inside)
        if name == "mj-button":
            return "</a></div>" if is_end else f"<div><a{inside}>"
        tag = _AS_HTML.get(name, "div")
        return f"<{found[1]}{tag}{inside}>" + (f"</{tag}>" if found[3].endswith("/") else "")

    return _TAG.sub(renamed, fragment)


def _readable_image(attributes: str) -> str:
    link = _HREF.search(attributes)
    image = f"<img{attributes}>"
    return f"<div><a{link[0]}>{image}</a></div>" if link else f"<div>{image}</div>"


def refuse_html_layout(is_mjml_template: bool) -> None:
    """Raise LiquidError where an MJML template stands in a layout that is not MJML."""
    if is_mjml_template:
        raise LiquidError("an MJML template needs an MJML layout, or none", field="is_mjml")

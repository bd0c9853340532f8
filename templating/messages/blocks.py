"""Visual blocks become the source of an e-mail's body: tables, which every mail program knows.

The class names are Knock's, so that the styles of layouts written for it apply. Colours, sizes and
paddings stand on the elements; what a mail program drops of a style sheet changes little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from domain.kit.branding import BLOCK_COLORS
from domain.kit.json_types import JsonObject
from domain.kit.liquid import has_liquid
from templating.limits import LiquidError
from templating.liquid.printing import to_text
from templating.liquid.text_filters import css_color, css_width
from templating.markup.liquid_markdown import liquid_markdown_to_html
from templating.messages.partial_blocks import source_of_partial

# At the top of the layout's head, so that the layout's own rules win. Links, headings and tables in
# Markdown are the layout's: it says `a { … }`, which any rule with a class would beat.
BASE_CSS = """
.block-row { width: 100%; border-collapse: separate; table-layout: fixed; }
.block-button { display: inline-block; box-sizing: border-box; text-decoration: none; \
-webkit-text-size-adjust: none; text-align: center; border-radius: 6px; border-width: 1px; \
border-style: solid; }
.block-button--solid { background-color: #000000; border-color: #000000; color: #ffffff; }
.block-button--outline { background-color: transparent; border-color: #000000; color: #000000; }
.block-button--sm { font-size: 14px; line-height: 20px; min-width: 32px; padding: 4px 8px; }
.block-button--md { font-size: 16px; line-height: 24px; min-width: 40px; padding: 8px 16px; }
.block-button--lg { font-size: 18px; line-height: 28px; min-width: 48px; padding: 12px 24px; }
.block-divider { border-bottom: 1px solid #dddee1; font-size: 0; line-height: 0; }
.block-markdown { overflow-wrap: anywhere; word-break: break-word; }
.block-markdown img { max-width: 100%; }
.block-markdown pre { white-space: pre-wrap; }
.block-markdown > :first-child { margin-top: 0; }
.block-markdown > :last-child { margin-bottom: 0; }
"""

_PADDING = {"top": 8, "right": 4, "bottom": 8, "left": 4}
_IMAGE_PADDING = {"top": 4, "right": 0, "bottom": 4, "left": 0}
_COLUMN_GAP = 8
_BUTTON_PADDINGS = {"sm": "4px 8px", "md": "8px 16px", "lg": "12px 24px"}


@dataclass(frozen=True, slots=True)
class Body:
    """The source of an e-mail's body.

    Attributes:
        source: Liquid.
        places: what begins at which line, counted from 1; in order.
        is_written: whether its lines are as somebody wrote them, and not made of blocks.
    """

    source: str
    places: Sequence[tuple[int, str]]
    is_written: bool = False

    def place_of(self, line: int) -> tuple[str, int]:
        """Return the field in which a line stands, and the line counted within it."""
        first, name = max(place for place in self.places if place[0] <= line)
        return name, line - first + 1


def body_of_blocks(
    blocks: Sequence[object], write: Callable[[JsonObject, str], str] | None = None
) -> Body:
    """Write blocks below each other.

    Args:
        blocks: as they are stored.
        write: writes one block at a place; HTML unless given.

    Raises:
        LiquidError: a block that this version does not know.
    """
    rows, places, line = [], [], 1
    for index, block in enumerate(blocks):
        place = f"visual_blocks[{index}]"
        if not isinstance(block, dict):
            raise LiquidError("is not an object", field=place)
        try:
            row = (write or html_of_block)(block, place)
        except LiquidError as error:
            raise error.within(error.field or place) from error
        places.append((line, place))
        rows.append(row)
        line += row.count("\n") + 1
    return Body("\n".join(rows), places or [(1, "visual_blocks")])


def html_of_block(block: JsonObject, place: str) -> str:
    """Write one block as a row. Raises LiquidError for a type that this version does not know."""
    block_type = block.get("type")
    inner = _INNER.get(to_text(block_type))
    if inner is None:
        raise LiquidError(f"blocks of type '{block_type}' are not supported", field=place)
    align = _align(block)
    row = (
        f'<table role="presentation" class="block-row block-row--{block_type}-v1" width="100%"'
        ' cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td align="{align}" style="padding: {padding_of(block)};'
        f' text-align: {align};">{inner(block)}</td></tr></table>'
    )
    return shown_with_address(block, row) if block_type == "image" else row


def shown_with_address(image: JsonObject, row: str) -> str:
    """Leave the row of an image out when its address renders to nothing, such as an unset logo."""
    address = to_text(image.get("url")).strip()
    if not has_liquid(address):
        return row if address else ""
    return (
        f"{{% capture block_image %}}{address}{{% endcapture %}}"
        "{% assign block_image = block_image | strip %}"
        f"{{% if block_image != '' %}}{row}{{% endif %}}"
    )


def padding_of(block: JsonObject) -> str:
    """Return the CSS padding of a block, clockwise from the top."""
    layout = _object(block, "layout_attrs")
    default = _IMAGE_PADDING if block.get("type") == "image" else _PADDING
    sides = ("top", "right", "bottom", "left")
    return " ".join(f"{number(layout, f'padding_{side}', default[side])}px" for side in sides)


def number(attributes: JsonObject, name: str, default: int) -> int:
    """Return a length in pixels; what is no such length is the default."""
    value = attributes.get(name)
    is_length = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000
    return value if is_length and isinstance(value, int) else default


def color(name: object, otherwise: str | None = None) -> str | None:
    """Return a colour, or the Liquid that gives it where a name of the branding stands for it.

    Args:
        name: as the block has it.
        otherwise: stands for no colour, also where Liquid renders to none; by default nothing does.
    """
    if not isinstance(name, str) or not name.strip():
        return otherwise
    if name in BLOCK_COLORS:
        return f"{{{{ vars.branding.{name} | css_color | default: '{BLOCK_COLORS[name]}' }}}}"
    if not has_liquid(name):
        return css_color(name) or otherwise
    if otherwise is None:
        return _filtered(name, "css_color")
    return (
        f"{{% capture block_value %}}{name}{{% endcapture %}}"
        "{% assign block_color = block_value | css_color %}"
        f"{{% if block_color == '' %}}{otherwise}{{% else %}}{{{{ block_color }}}}{{% endif %}}"
    )


def _filtered(source: str, filters: str) -> str:
    """Write Liquid that renders a source, and prints it behind filters."""
    return f"{{% capture block_value %}}{source}{{% endcapture %}}{{{{ block_value | {filters} }}}}"


def attribute(source: object) -> str:
    """Write Liquid whose result stands in an attribute: nothing in it can end the attribute.

    An address keeps its `&`, and what is escaped already is not escaped twice.
    """
    text = to_text(source).strip()
    if not has_liquid(text):
        return escape(text)
    return _filtered(text, "strip | escape_once")


def _object(block: JsonObject, name: str) -> JsonObject:
    value = block.get(name)
    return value if isinstance(value, dict) else {}


def _align(block: JsonObject) -> str:
    align = _object(block, "layout_attrs").get("horizontal_align")
    default = "center" if block.get("type") == "image" else "left"
    return align if align in ("left", "center", "right") else default


def _markdown(block: JsonObject) -> str:
    html = liquid_markdown_to_html(to_text(block.get("content")))
    return f'<div class="block-markdown">\n{html}</div>'


def _html(block: JsonObject) -> str:
    return "\n" + to_text(block.get("content")) + "\n"


def _divider(_: JsonObject) -> str:
    return '<div class="block-divider">&nbsp;</div>'


def _image(block: JsonObject) -> str:
    width = to_text(_object(block, "style_attrs").get("width")).strip()
    # Outlook reads the attribute, and knows no max-width.
    as_attribute = ""
    if has_liquid(width):
        width = _filtered(width, "css_width")
    else:
        width = css_width(width)
        known = width.removesuffix("px")
        if known.removesuffix("%").isdecimal():
            as_attribute = f' width="{known}"'
    style = f"width: {width}; " if width else ""
    image = (
        f'<img src="{attribute(block.get("url"))}" alt="{attribute(block.get("alt"))}"'
        f'{as_attribute} style="{style}max-width: 100%; height: auto; border: 0;'
        ' display: inline-block; vertical-align: middle;">'
    )
    action = to_text(block.get("action")).strip()
    if not action:
        return image
    return _linked(action, '<a href="{href}" target="_blank">', image)


def _linked(action: str, opening: str, inner: str) -> str:
    """Put a link around something, unless its address renders to nothing."""
    if not has_liquid(action):
        return opening.format(href=escape(action)) + inner + "</a>"
    return (
        f"{_captured_action(action)}{{% if block_action != '' %}}"
        + opening.format(href="{{ block_action }}")
        + "{% endif %}"
        + inner
        + "{% if block_action != '' %}</a>{% endif %}"
    )


def _captured_action(action: str) -> str:
    """Write Liquid that makes `block_action` of an address; empty where that renders to nothing."""
    return (
        f"{{% capture block_action %}}{action}{{% endcapture %}}"
        "{% assign block_action = block_action | strip | escape_once %}"
    )


def _button_set(block: JsonObject) -> str:
    buttons = block.get("buttons")
    buttons = (
        [each for each in buttons if isinstance(each, dict)] if isinstance(buttons, list) else []
    )
    gap = number(_object(block, "layout_attrs"), "column_gap", _COLUMN_GAP)
    cells = []
    for index, button in enumerate(buttons):
        space = gap if index < len(buttons) - 1 else 0
        between = f'<td width="{space}">&nbsp;</td>' if space else ""
        cells.append(
            f"<!--[if mso]>{_outlook_cell(button)}<![endif]-->"
            + _button(button, f"margin: 2px {space}px 2px 0;")
            + f"<!--[if mso]></td>{between}<![endif]-->"
        )
    # Outlook stacks inline elements of this kind, so it gets a table; the others wrap them.
    return (
        '<!--[if mso]><table role="presentation" cellpadding="0" cellspacing="0"><tr><![endif]-->'
        + "\n".join(cells)
        + "<!--[if mso]></tr></table><![endif]-->"
    )


def _outlook_cell(button: JsonObject) -> str:
    """Write what stands around a button in Outlook, which gives links neither room nor a shape.

    Colours that only the layout knows are left to the link.
    """
    background = color(_object(button, "style_attrs").get("background_color"))
    if background is None:
        return "<td>"
    return f'<td bgcolor="{background}" style="padding: {_BUTTON_PADDINGS[_size(button)]};">'


def _size(button: JsonObject) -> str:
    size = _object(button, "size_attrs").get("size")
    return size if size in ("sm", "md", "lg") else "md"


def _button(button: JsonObject, margin: str) -> str:
    variant = "outline" if button.get("variant") == "outline" else "solid"
    size_attrs, style_attrs = _object(button, "size_attrs"), _object(button, "style_attrs")
    classes = f"block-button block-button--{variant} block-button--{_size(button)}"
    style = [margin]
    if size_attrs.get("is_fullwidth") is True:
        classes += " block-button--full-width"
        style.append("display: block; width: 100%; margin-right: 0;")
    for name, attribute_name in (
        ("background-color", "background_color"),
        ("border-color", "border_color"),
        ("color", "text_color"),
    ):
        if value := color(style_attrs.get(attribute_name)):
            style.append(f"{name}: {value};")
    if "border_color" not in style_attrs and (value := color(style_attrs.get("background_color"))):
        style.append(f"border-color: {value};")
    for name, attribute_name in (
        ("border-radius", "border_radius"),
        ("border-width", "border_width"),
    ):
        if attribute_name in style_attrs:
            style.append(f"{name}: {number(style_attrs, attribute_name, 1)}px;")
    # Paddings of links mean nothing to Outlook; this pads its text.
    label = (
        "<!--[if mso]>&nbsp;&nbsp;<![endif]-->"
        + to_text(button.get("label"))
        + "<!--[if mso]>&nbsp;&nbsp;<![endif]-->"
    )
    look = f'class="{classes}" style="{" ".join(style)}"'
    action = to_text(button.get("action")).strip()
    if not action:
        return f"<span {look}>{label}</span>"
    if not has_liquid(action):
        return f'<a href="{escape(action)}" target="_blank" {look}>{label}</a>'
    return (
        f"{_captured_action(action)}"
        f'{{% if block_action != \'\' %}}<a href="{{{{ block_action }}}}" target="_blank" {look}>'
        f"{{% else %}}<span {look}>{{% endif %}}{label}"
        "{% if block_action != '' %}</a>{% else %}</span>{% endif %}"
    )


_INNER: Mapping[str, Callable[[JsonObject], str]] = {
    "markdown": _markdown,
    "html": _html,
    "divider": _divider,
    "image": _image,
    "button_set": _button_set,
    "partial": lambda block: f"\n{source_of_partial(block)}\n",
}

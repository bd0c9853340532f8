"""The visual blocks of an e-mail (Knock docs: "Visual editor"; Management API: EmailVisualBlocks).

Strings are Liquid. Clients write more or less of the attributes; what is left out has a default.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from domain.kit.branding import BLOCK_COLORS, is_css_color
from domain.kit.liquid import has_liquid
from domain.kit.shapes import Shape, Text, Wrong

MAX_BLOCKS = 200
MAX_BUTTONS = 20
_WIDTH = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,2})?(?:px|%)?|auto", re.ASCII)

_Pixels = Annotated[int | None, Field(ge=0, le=1000)]


def is_width(text: str) -> bool:
    """Tell whether a text is the width of an image."""
    return _WIDTH.fullmatch(text) is not None


def _color(color: str | None) -> str | None:
    if not color or color in BLOCK_COLORS or has_liquid(color):
        return color
    if not is_css_color(color):
        raise Wrong("must be a colour such as #1A2B3C or primary_color")
    return color


def _width(width: str | None) -> str | None:
    if width and not has_liquid(width) and not is_width(width):
        raise Wrong("must be a width such as 25% or 300px")
    return width


_Color = Annotated[str | None, AfterValidator(_color)]


class BlockLayout(Shape):
    """The space around a block, in pixels, and where in its row it stands."""

    padding_top: _Pixels = None
    padding_right: _Pixels = None
    padding_bottom: _Pixels = None
    padding_left: _Pixels = None
    horizontal_align: Literal["left", "center", "right"] | None = None
    column_gap: _Pixels = Field(None, description="Space between the buttons of a set.")


class _Block(Shape):
    """What all blocks have."""

    id: str | None = None
    version: int | None = None
    layout_attrs: BlockLayout | None = None


class MarkdownBlock(_Block):
    """Text in Markdown, which becomes HTML before its Liquid is rendered."""

    type: Literal["markdown"] = "markdown"
    content: Text
    variant: Literal["default"] | None = None


class HtmlBlock(_Block):
    """HTML as it is."""

    type: Literal["html"] = "html"
    content: Text


class DividerBlock(_Block):
    """A line across."""

    type: Literal["divider"] = "divider"


class ImageStyle(Shape):
    """How an image looks."""

    width: Annotated[str | None, AfterValidator(_width)] = None


class ImageBlock(_Block):
    """An image, which may be a link."""

    type: Literal["image"] = "image"
    url: Text
    alt: str | None = None
    action: str | None = Field(None, description="Where a click leads.")
    style_attrs: ImageStyle | None = None


class ButtonSize(Shape):
    """How large a button is."""

    size: Literal["sm", "md", "lg"] | None = None
    is_fullwidth: bool | None = None


class ButtonStyle(Shape):
    """How a button looks; lengths in pixels."""

    background_color: _Color = None
    border_color: _Color = None
    border_radius: _Pixels = None
    border_width: _Pixels = None
    text_color: _Color = None


class Button(Shape):
    """A button of a set. One without an action is shown, and leads nowhere."""

    label: Text
    action: str | None = None
    variant: Literal["solid", "outline"] | None = None
    size_attrs: ButtonSize | None = None
    style_attrs: ButtonStyle | None = None


class ButtonSetBlock(_Block):
    """Buttons side by side; they go below each other where there is no room."""

    type: Literal["button_set"] = "button_set"
    buttons: Annotated[list[Button], Field(max_length=MAX_BUTTONS)]


class PartialBlock(_Block):
    """A partial, with what its inputs are given."""

    type: Literal["partial"] = "partial"
    key: Text
    name: str | None = None
    attrs: dict[str, Any] | None = None


EmailBlock: TypeAlias = Annotated[
    MarkdownBlock | HtmlBlock | DividerBlock | ImageBlock | ButtonSetBlock | PartialBlock,
    Field(discriminator="type"),
]
EmailBlocks: TypeAlias = Annotated[list[EmailBlock], Field(max_length=MAX_BLOCKS)]

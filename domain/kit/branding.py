"""What a branding is made of, and the colours that stand for those that nobody has set.

Source: Knock docs, "Branding".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from domain.kit.shapes import Shape

HEX_COLOR = r"^#(?:[A-Fa-f0-9]{3}|[A-Fa-f0-9]{6})$"

_HexColor = Annotated[str | None, Field(pattern=HEX_COLOR)]

# What templates see of a branding where it has no such colours.
COLOR_DEFAULTS: Mapping[str, str] = {
    "primary_color": "#000000",
    "primary_color_contrast": "#FFFFFF",
    "dark_primary_color": "#FFFFFF",
    "dark_primary_color_contrast": "#000000",
}
# Colours that visual blocks may name. Templates see none of texts that nobody has set; a block
# needs one.
BLOCK_COLORS: Mapping[str, str] = {
    **COLOR_DEFAULTS,
    "primary_text_color": "#000000",
    "secondary_text_color": "#6F7076",
}


class BrandingMembers(Shape):
    """The members of a branding, of which none has to be there."""

    logo_url: str | None = None
    icon_url: str | None = None
    dark_logo_url: str | None = None
    dark_icon_url: str | None = None
    primary_color: _HexColor = None
    primary_color_contrast: _HexColor = None
    dark_primary_color: _HexColor = None
    dark_primary_color_contrast: _HexColor = None
    primary_text_color: _HexColor = None
    secondary_text_color: _HexColor = None

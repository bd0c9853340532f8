"""What a branding is made of, and the colours that stand for those that nobody has set.

Source: Knock docs, "Branding".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape

HEX_COLOR = r"^#(?:[A-Fa-f0-9]{3}|[A-Fa-f0-9]{6})$"
# No character in it could end a declaration, a style sheet or an attribute.
_CSS_COLOR = re.compile(
    r"#(?:[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})|[A-Za-z]{3,32}"
    r"|(?:rgb|hsl)a?\([0-9a-z.,%/ +-]{1,64}\)",
    re.ASCII,
)

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


def is_css_color(text: str) -> bool:
    """Tell whether a text is a colour as style sheets write one: `#1A2B3C`, `red`, `rgb(…)`."""
    return _CSS_COLOR.fullmatch(text) is not None


def usable_branding(raw: object) -> JsonObject:
    """Return the members that a tenant has set, without colours that are none.

    Layouts write colours into their style sheets, where nothing is escaped; and nobody has checked
    what is stored about a tenant.
    """
    given = raw if isinstance(raw, dict) else {}
    return {
        name: value
        for name, value in given.items()
        if value is not None
        and (name not in BLOCK_COLORS or (isinstance(value, str) and is_css_color(value)))
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

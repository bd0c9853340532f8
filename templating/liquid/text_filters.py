"""Liquid's filters for text that the engine's own would print wrongly, halt on, or not bound."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from domain.channels.email_blocks import is_width
from domain.kit.branding import is_css_color
from templating.limits import MAX_ITEMS, MAX_STRING
from templating.liquid.number_filters import number
from templating.liquid.printing import is_nothing, to_text
from templating.markup.html_text import strip_tags

_MAX_INDEX = 2**31
# Of a column that is as wide as the body of an e-mail; MJML has no other width unless told so.
_COLUMN_PIXELS = 600


def _count(value: object, default: int) -> int:
    """Read a whole number; the default for nothing, and for text that has none."""
    if is_nothing(value) or isinstance(value, bool):
        return default
    read = int(number(value))
    if not read and not isinstance(value, (int, float)) and to_text(value).strip()[:1] != "0":
        return default
    return max(-_MAX_INDEX, min(read, _MAX_INDEX))


def slice_part(value: object, start: object = 0, length: object = 1) -> object:
    """Return a part of a string or list; a negative start counts from the end."""
    whole = value if isinstance(value, (list, tuple, range)) else to_text(value)
    begin, size = _count(start, 0), _count(length, 1)
    if begin < 0:
        begin += len(whole)
    if begin < 0 or size <= 0:
        return "" if isinstance(whole, str) else []
    part = whole[begin : begin + size]
    return part if isinstance(part, str) else list(part)


def truncate(text: str, length: object = 50, ellipsis: object = "...") -> str:
    """Cut a string to a number of characters, the ellipsis included."""
    end = to_text(ellipsis)
    most = _count(length, 50)
    return text if len(text) <= most else text[: max(most - len(end), 0)] + end


def truncatewords(text: str, count: object = 15, ellipsis: object = "...") -> str:
    """Cut a string to a number of words, at least one."""
    most = max(_count(count, 15), 1)
    words = text.split(None, most)
    return text if len(words) <= most else " ".join(words[:most]) + to_text(ellipsis)


def replace(text: str, old: object = "", new: object = "") -> str:
    """Replace every occurrence, refusing before the result would be built too long."""
    old_text, new_text = to_text(old), to_text(new)
    growth = max(len(new_text) - len(old_text), 0)
    if growth and len(text) + text.count(old_text) * growth > MAX_STRING:
        raise ValueError("the text becomes too long")
    return text.replace(old_text, new_text)


def replace_last(text: str, old: object = "", new: object = "") -> str:
    """Replace the last occurrence."""
    old_text = to_text(old)
    place = text.rfind(old_text)
    return text if place < 0 else text[:place] + to_text(new) + text[place + len(old_text) :]


def remove_last(text: str, old: object = "") -> str:
    """Remove the last occurrence."""
    return replace_last(text, old)


def split(text: str, separator: object = "") -> list[str]:
    """Split as standard Liquid does: nothing separates characters, one blank separates words."""
    mark = to_text(separator)
    if not mark:
        _refuse_many(len(text))
        return list(text)
    if not text or text == mark:
        return []
    if mark == " ":
        words = text.split(None, MAX_ITEMS)
        _refuse_many(len(words))
        return words
    _refuse_many(text.count(mark) + 1)
    return text.split(mark)


def _refuse_many(count: int) -> None:
    if count > MAX_ITEMS:
        raise ValueError(f"lists may have at most {MAX_ITEMS} members")


def base64_decode(value: object) -> str:
    """Decode base64 of UTF-8 text; nothing for what is not such text."""
    return _decode(value, base64.b64decode)


def base64_url_safe_decode(value: object) -> str:
    """Decode the base64 that is safe in URLs; nothing for what is not such text."""
    return _decode(value, base64.urlsafe_b64decode)


def _decode(value: object, decode: Callable[[str], bytes]) -> str:
    if not isinstance(value, str):
        return ""
    try:
        return decode(value).decode()
    except (binascii.Error, ValueError) as error:
        raise ValueError("the text is not base64 of UTF-8 text") from error


def css_color(text: str) -> str:
    """Return a colour, and nothing for what is none: it stands in a style, which escapes nothing.

    Nobody writes it but visual blocks.
    """
    color = text.strip()
    return color if is_css_color(color) else ""


def css_width(text: str) -> str:
    """Return the width of an image with its unit, and nothing for what is none; as `css_color`."""
    width = text.strip()
    if not is_width(width):
        return ""
    return f"{width}px" if width[-1:].isdigit() else width


def mjml_width(text: str) -> str:
    """Return the same in whole pixels, as MJML has it; nothing stands for the whole column."""
    width = css_width(text)
    if width.endswith("%"):
        width = f"{_COLUMN_PIXELS * float(width[:-1]) / 100}px"
    return f"{round(float(width[:-2]))}px" if width.endswith("px") else ""


TEXT_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("base64_decode", base64_decode),
    ("base64_url_safe_decode", base64_url_safe_decode),
    ("css_color", css_color),
    ("css_width", css_width),
    ("mjml_width", mjml_width),
    ("remove_last", remove_last),
    ("replace", replace),
    ("replace_last", replace_last),
    ("slice", slice_part),
    ("split", split),
    ("strip_html", strip_tags),
    ("truncate", truncate),
    ("truncatewords", truncatewords),
)

"""Standard filters written anew because the engine's own grow, or slow down, without bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from liquid.undefined import is_undefined

from templating.html_text import strip_tags
from templating.limits import MAX_ITEMS, MAX_STRING
from templating.printing import to_json, to_text


def replace(text: str, old: object, new: object = "") -> str:
    """Replace every occurrence, refusing before the result would be built too long."""
    old_text, new_text = to_text(old), to_text(new)
    growth = max(len(new_text) - len(old_text), 0)
    if growth and len(text) + text.count(old_text) * growth > MAX_STRING:
        raise ValueError("the text becomes too long")
    return text.replace(old_text, new_text)


def join(items: object, separator: object = " ") -> str:
    """Join the printed members of a list."""
    glue = to_text(separator)
    parts: list[str] = []
    size = 0
    for item in _members(items):
        parts.append(to_text(item))
        size += len(parts[-1]) + len(glue)
        if size > MAX_STRING + len(glue):
            raise ValueError("the text becomes too long")
    return glue.join(parts)


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


def uniq(items: object, key: object = None) -> list[object]:
    """Drop repeated members, by the value of a key when one is given."""
    seen: set[object] = set()
    kept: list[object] = []
    for item in _members(items):
        value = item.get(key) if key is not None and isinstance(item, dict) else item
        token = _identity(value)
        if token not in seen:
            seen.add(token)
            kept.append(item)
    return kept


def _identity(value: object) -> object:
    # True == 1 in Python, not in Liquid.
    return to_json(value) if isinstance(value, (dict, list, tuple, bool)) else value


def _members(items: object) -> Iterable[Any]:
    if items is None or is_undefined(items):
        return ()
    if isinstance(items, (list, tuple)):
        return _flat(items)
    return items if isinstance(items, range) else (items,)


def _flat(items: Iterable[Any], depth: int = 5) -> Iterable[Any]:
    for item in items:
        if depth and isinstance(item, (list, tuple)):
            yield from _flat(item, depth - 1)
        else:
            yield item


def _refuse_many(count: int) -> None:
    if count > MAX_ITEMS:
        raise ValueError(f"lists may have at most {MAX_ITEMS} members")


BOUNDED_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("replace", replace),
    ("join", join),
    ("split", split),
    ("uniq", uniq),
    ("strip_html", strip_tags),
)

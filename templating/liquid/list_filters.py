"""Liquid's filters for lists: nothing is an empty list, and a single value a list of one.

Members that lack the property asked for have nothing there; they sort last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from templating.limits import MAX_ITEMS, MAX_STRING
from templating.liquid.printing import is_nothing, to_json, to_text

_MAX_FLATTENED = 5


def members(items: object) -> Iterator[Any]:
    """Yield the members of a list, of lists in it too; raise ValueError when there are too many."""
    if is_nothing(items):
        return
    if isinstance(items, (list, tuple)):
        found: Iterable[Any] = _flat(items, _MAX_FLATTENED)
    else:
        found = items if isinstance(items, range) else (items,)
    count = 0
    for count, item in enumerate(found, 1):
        if count > MAX_ITEMS:
            raise ValueError(f"lists may have at most {MAX_ITEMS} members")
        yield item


def _flat(items: Iterable[Any], depth: int) -> Iterator[Any]:
    for item in items:
        if depth and isinstance(item, (list, tuple)):
            yield from _flat(item, depth - 1)
        else:
            yield item


def property_of(item: object, key: object) -> Any:
    """Return an object's property, None when it has none."""
    return item.get(to_text(key)) if isinstance(item, dict) else None


def are_equal(left: object, right: object) -> bool:
    """Compare as Liquid's `==` does: true is not 1, and nothing equals nothing."""
    if is_nothing(left) or is_nothing(right):
        return is_nothing(left) and is_nothing(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def join(items: object, separator: object = " ") -> str:
    """Join the printed members of a list."""
    glue = to_text(separator)
    parts: list[str] = []
    size = 0
    for item in members(items):
        parts.append(to_text(item))
        size += len(parts[-1]) + len(glue)
        if size > MAX_STRING + len(glue):
            raise ValueError("the text becomes too long")
    return glue.join(parts)


def first(items: object) -> object:
    """Return the first member; nothing for what is not a list."""
    if isinstance(items, dict):
        return next(islice(items.items(), 1), None)
    return items[0] if isinstance(items, (list, tuple, range)) and items else None


def last(items: object) -> object:
    """Return the last member; nothing for what is not a list."""
    return items[-1] if isinstance(items, (list, tuple, range)) and items else None


def concat(items: object, more: object = None) -> list[Any]:
    """Append a second list to a list."""
    return [*members(items), *members(more)]


def map_list(items: object, key: object) -> list[Any]:
    """Return one property of each member."""
    return [property_of(item, key) for item in members(items)]


def reverse(items: object) -> list[Any]:
    """Reverse a list."""
    return list(members(items))[::-1]


def sort(items: object, key: object = None) -> list[Any]:
    """Sort numbers before strings before everything else; nothing comes last."""

    def rank(value: object) -> tuple[int, float, str]:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return 0, value, ""
        if isinstance(value, str):
            return 1, 0, value
        return 3 if is_nothing(value) else 2, 0, ""

    return _sorted(items, key, rank)


def sort_natural(items: object, key: object = None) -> list[Any]:
    """Sort by the printed text, whatever its case; nothing comes last."""

    def rank(value: object) -> tuple[bool, str]:
        text = "" if isinstance(value, (dict, list, tuple)) else to_text(value).casefold()
        return is_nothing(value), text

    return _sorted(items, key, rank)


def _sorted(items: object, key: object, rank: Callable[[object], Any]) -> list[Any]:
    if is_nothing(key):
        return sorted(members(items), key=rank)
    return sorted(members(items), key=lambda item: rank(property_of(item, key)))


def _picks(key: object, value: object) -> Callable[[Any], bool]:
    """Return the test of `where` and its kin: a property has a value, or any at all."""
    if is_nothing(value):
        return lambda item: not is_nothing(own := property_of(item, key)) and own is not False
    return lambda item: are_equal(property_of(item, key), value)


def where(items: object, key: object, value: object = None) -> list[Any]:
    """Return the members whose property has a value, or is neither nothing nor false."""
    return list(filter(_picks(key, value), members(items)))


def reject(items: object, key: object, value: object = None) -> list[Any]:
    """Return the members that `where` leaves out."""
    picks = _picks(key, value)
    return [item for item in members(items) if not picks(item)]


def find(items: object, key: object, value: object = None) -> Any:
    """Return the first member that `where` finds."""
    return next(filter(_picks(key, value), members(items)), None)


def find_index(items: object, key: object, value: object = None) -> int | None:
    """Return the position of the first member that `where` finds, counted from 0."""
    picks = _picks(key, value)
    return next((n for n, item in enumerate(members(items)) if picks(item)), None)


def has(items: object, key: object, value: object = None) -> bool:
    """Tell whether `where` finds anything."""
    return any(map(_picks(key, value), members(items)))


def compact(items: object, key: object = None) -> list[Any]:
    """Drop what is nothing, or whose property is nothing."""
    if is_nothing(key):
        return [item for item in members(items) if not is_nothing(item)]
    return [item for item in members(items) if not is_nothing(property_of(item, key))]


def uniq(items: object, key: object = None) -> list[Any]:
    """Drop repeated members, by the value of a key when one is given."""
    kept: dict[object, Any] = {}
    for item in members(items):
        value = item if is_nothing(key) or not isinstance(item, dict) else property_of(item, key)
        # True == 1 in Python, not in Liquid; and lists and objects have no hash.
        is_plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        kept.setdefault(value if is_plain else (to_json(value),), item)
    return list(kept.values())


LIST_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("compact", compact),
    ("concat", concat),
    ("find", find),
    ("find_index", find_index),
    ("first", first),
    ("has", has),
    ("join", join),
    ("last", last),
    ("map", map_list),
    ("reject", reject),
    ("reverse", reverse),
    ("sort", sort),
    ("sort_natural", sort_natural),
    ("uniq", uniq),
    ("where", where),
)

"""How values become text: Liquid's printing rules, with JSON for structures, and their weight."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from liquid.undefined import is_undefined

from templating.limits import MAX_WEIGHT, LiquidError

_CONTAINERS = (list, tuple, dict)


class PrintedAsKey(dict[str, Any]):
    """An object that prints as its `key`; as JSON it is the whole object."""


def storable(text: str) -> str:
    """Drop NUL, and replace lone halves of surrogate pairs: PostgreSQL stores neither.

    Two halves that met, because a string was cut in two and joined again, become their character.
    """
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "")


def storable_json(value: Any) -> Any:
    """Return a JSON value with every string and every name `storable`."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [storable_json(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable_json(item) for key, item in value.items()}
    return value


def is_nothing(value: object) -> bool:
    """Tell whether a value is nil or missing, which are the same everywhere in Liquid."""
    return value is None or is_undefined(value)


def to_text(value: object) -> str:
    """Print a value as an output statement does.

    `nil` and undefined print nothing, booleans in lower case, a list of scalars joined with
    nothing, and an object or a list that holds one as JSON (Knock docs: "Liquid helpers").
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, PrintedAsKey):
        value = value.get("key")
    if isinstance(value, _CONTAINERS):
        is_flat = not isinstance(value, dict) and not any(
            isinstance(item, _CONTAINERS) for item in value
        )
        return "".join(map(to_text, value)) if is_flat else to_json(value)
    if isinstance(value, range):
        return f"{value.start}..{value.stop - 1}"
    if isinstance(value, float):
        return _float_text(value)
    # Objects of the engine, such as `forloop`, have no text of their own.
    return "" if value is None or isinstance(value, Mapping) else str(value)


def _float_text(value: float) -> str:
    """Write a number as people do, without an exponent; what JSON cannot carry is nothing."""
    if not math.isfinite(value):
        return ""
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text and 1e-7 <= abs(value) < 1e21 else text


def to_json(value: object) -> str:
    """Write a value as compact JSON; what JSON does not know (undefined, drops) becomes null.

    Raises LiquidError when the value is too heavy or holds a number that JSON cannot carry.
    """
    if isinstance(value, _CONTAINERS) and weigh(value) > MAX_WEIGHT:
        raise LiquidError("The value is too large to be printed.")
    try:
        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
        )
    except ValueError as error:
        raise LiquidError(f"The value cannot be written as JSON: {error}.") from error


def _plain(value: object) -> object:
    if isinstance(value, range):
        return list(value)
    if isinstance(value, Decimal):
        return float(value)
    return None


def weigh(value: object, ceiling: int = MAX_WEIGHT) -> int:
    """Estimate the bytes a value would print as; stops counting once above the ceiling.

    Shared parts count at every reference: ten thousand references to one long string are cheap
    to hold, but not to print or to compare.
    """
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, _CONTAINERS):
        return 16
    total = 0
    pending: list[object] = [value]
    while pending and total <= ceiling:
        item = pending.pop()
        if isinstance(item, str):
            total += 16 + len(item)
        elif isinstance(item, Mapping):
            total += 64
            total += sum(16 + (len(key) if isinstance(key, str) else 0) for key in item)
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            total += 64
            pending.extend(item)
        else:
            total += 16
    return total

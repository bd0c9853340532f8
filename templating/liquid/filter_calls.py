"""What is wrong with how a template calls its filters, whatever the data are: found when saved.

A filter that lacks an argument, or is told to write an amount in a currency that is none, fails
every message that it is part of.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from liquid.builtin.expressions import Filter, KeywordArgument, Literal

from domain.kit.zones import is_zone
from templating.limits import LiquidError
from templating.liquid.filters import version_key
from templating.liquid.locale_filters import currency_code, read_width
from templating.liquid.printing import to_text
from templating.liquid.scan import place_of


def _zone(name: object) -> None:
    text = to_text(name)
    if not is_zone(text):
        raise ValueError(f"unknown time zone '{text[:64]}'")


# What reads an argument that is written out, by filter and place; it raises ValueError.
_READERS: Mapping[str, Mapping[int, Callable[[object], object]]] = {
    "timezone": {0: _zone},
    "date": {1: _zone},
    "currency": {0: currency_code},
    "rounded_currency": {0: currency_code},
    "format_date_in_locale": {1: read_width},
    "format_datetime_in_locale": {1: read_width, 2: read_width},
    "compare_versions": {0: version_key},
}
# What the engine gives to filters beside their arguments.
_GIVEN = frozenset({"context", "environment"})


def signatures_of(filters: Mapping[str, Callable[..., Any]]) -> Mapping[str, inspect.Signature]:
    """Return which arguments each filter takes, its left side first."""
    found = {}
    for name, function in filters.items():
        signature = inspect.signature(function)
        taken = [each for each in signature.parameters.values() if each.name not in _GIVEN]
        found[name] = signature.replace(parameters=taken)
    return found


def wrong_calls(used: Filter, signatures: Mapping[str, inspect.Signature]) -> Iterator[LiquidError]:
    """Yield an error for each argument that is wrong for sure, or for a number of them that is.

    Args:
        used: in a template; an unknown filter is nobody's business here.
        signatures: which arguments each filter takes.
    """
    signature = signatures.get(used.name)
    if signature is None:
        return
    named = [each.name for each in used.args if isinstance(each, KeywordArgument)]
    values = [each.value for each in used.args if not isinstance(each, KeywordArgument)]
    try:
        signature.bind(None, *values, **dict.fromkeys(named))
    except TypeError as error:
        yield LiquidError(f"{used.name}: {error}", place_of(used.token))
        return
    for place, read in _READERS.get(used.name, {}).items():
        written = values[place] if place < len(values) else None
        if isinstance(written, Literal):
            try:
                read(written.value)
            except ValueError as error:
                yield LiquidError(f"{used.name}: {error}", place_of(used.token))

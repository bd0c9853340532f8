"""The wall around every filter: what goes in, what comes out, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from liquid import Environment
from liquid.exceptions import FilterArgumentError
from liquid.exceptions import LiquidError as EngineError

from templating.limits import (
    MAX_INTEGER_BITS,
    MAX_ITEMS,
    MAX_STRING,
    MAX_WEIGHT,
    LiquidError,
)
from templating.liquid.printing import storable, to_text, weigh
from templating.liquid.render_context import BudgetedContext

Filter = Callable[..., Any]

# Filters that work on text: their operands are printed as Liquid prints, not as Python does.
_TEXT_FILTERS = frozenset(
    [
        "append",
        "base64_encode",
        "base64_url_safe_encode",
        "capitalize",
        "css_color",
        "css_width",
        "downcase",
        "escape",
        "escape_once",
        "escapejs",
        "from_markdown",
        "hmac_sha256",
        "lstrip",
        "md5",
        "mjml_width",
        "newline_to_br",
        "prepend",
        "remove",
        "remove_first",
        "remove_last",
        "replace",
        "replace_first",
        "replace_last",
        "rstrip",
        "safe",
        "sha256",
        "split",
        "squish",
        "strip",
        "strip_html",
        "strip_newlines",
        "titlecase",
        "truncate",
        "truncatewords",
        "upcase",
        "url_decode",
        "url_encode",
    ]
)
# These look at one end only, so that a long list from the data is not a danger.
_CHEAP_FILTERS = frozenset({"first", "last", "size"})
_PRINTED = (bool, type(None), dict, list)


def guard(name: str, function: Filter, liquid_env: Environment) -> Filter:
    """Wrap a filter so that it takes the context first and obeys the limits."""
    if getattr(function, "with_environment", False):
        function = partial(function, environment=liquid_env)
    needs_context = getattr(function, "with_context", False)
    is_text = name in _TEXT_FILTERS
    is_cheap = name in _CHEAP_FILTERS

    def guarded(context: BudgetedContext, left: object, /, *args: object, **kwargs: object) -> Any:
        context.budget.spend()
        if not is_cheap:
            _refuse_long(name, (left, *args, *kwargs.values()))
        if is_text:
            left = to_text(left)
            args = tuple(to_text(arg) if isinstance(arg, _PRINTED) else arg for arg in args)
        if needs_context:
            kwargs["context"] = context
        try:
            result = function(left, *args, **kwargs)
        except (EngineError, LiquidError, MemoryError):
            raise
        except Exception as error:
            # Whatever goes wrong inside a filter is the template's error, with its place.
            reason = str(error) or type(error).__name__
            raise FilterArgumentError(f"{name}: {reason}", token=None) from error
        if isinstance(result, str):
            result = storable(result)
        context.budget.produce(_measure(name, result))
        return result

    return guarded


def _refuse_long(name: str, values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, (list, tuple, range)) and len(value) > MAX_ITEMS:
            raise FilterArgumentError(
                f"{name}: lists may have at most {MAX_ITEMS} members", token=None
            )


def _measure(name: str, result: object) -> int:
    """Return the weight of a result; raise when it is larger than any template needs."""
    if isinstance(result, str):
        if len(result) > MAX_STRING:
            raise FilterArgumentError(f"{name}: the text becomes too long", token=None)
        return len(result)
    if isinstance(result, int) and result.bit_length() > MAX_INTEGER_BITS:
        raise FilterArgumentError(f"{name}: the number becomes too large", token=None)
    _refuse_long(name, (result,))
    weight = weigh(result)
    if weight > MAX_WEIGHT:
        raise FilterArgumentError(f"{name}: the value becomes too large", token=None)
    return weight

"""Filters that speak a language: dates, numbers, money (Knock docs: "Liquid helpers")."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal, cast

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import NumberPattern, format_currency, format_decimal

from templating.liquid.moments import read_moment
from templating.liquid.printing import to_text

_Width = Literal["short", "medium", "long", "full"]
_WIDTHS = frozenset({"short", "medium", "long", "full"})
# Beyond this many digits a number is not an amount, and formatting it would take long.
_MAX_EXPONENT = 60
# CLDR separates AM and PM by a narrow no-break space, which many mail readers show as a box.
_NARROW_SPACE = "\u202f"


@lru_cache(maxsize=512)
def _parse_locale(code: str) -> Locale:
    try:
        return Locale.parse(code, sep="-")
    except UnknownLocaleError:
        # "fr-XX": the language is still worth more than an error.
        return Locale.parse(code.split("-", 1)[0], sep="-")


def find_locale(code: object) -> Locale:
    """Return the locale of a code such as `en-GB`; English for nothing and for an unknown code.

    A recipient may have any string as a locale, and is written to all the same.
    """
    text = to_text(code).strip().replace("_", "-")
    try:
        return _parse_locale(text[:64] or "en")
    except (UnknownLocaleError, ValueError):
        return _parse_locale("en")


def read_width(name: object) -> _Width:
    """Read how much of a date is written. Raises ValueError."""
    text = to_text(name) or "short"
    if text not in _WIDTHS:
        raise ValueError(f"unknown format '{text[:32]}': use short, medium, long or full")
    return cast("_Width", text)


def format_date_in_locale(value: object, locale: object = "en", width: object = "short") -> str:
    """Write a date in a locale; what is not a moment stays as it is."""
    moment = read_moment(value)
    if moment is None:
        return to_text(value)
    return format_date(moment, format=read_width(width), locale=find_locale(locale))


def format_datetime_in_locale(
    value: object,
    locale: object = "en",
    date_format: object = "short",
    time_format: object = "short",
) -> str:
    """Write date and time in a locale, separated by a comma, in the moment's own offset."""
    moment = read_moment(value)
    if moment is None:
        return to_text(value)
    found = find_locale(locale)
    day = format_date(moment, format=read_width(date_format), locale=found)
    time = format_time(moment, format=read_width(time_format), tzinfo=moment.tzinfo, locale=found)
    return f"{day}, {time}".replace(_NARROW_SPACE, " ")


def _read_number(value: object) -> Decimal | None:
    """Read a number; None for anything else; ValueError for one that nobody can mean."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(to_text(value).strip())
    except InvalidOperation:
        return None
    if number.is_finite() and abs(number.adjusted()) <= _MAX_EXPONENT:
        return number
    raise ValueError("the number is too large")


def format_number(value: object, locale: object = "en") -> str:
    """Write a number with a locale's separators; what is not a number stays as it is."""
    number = _read_number(value)
    if number is None:
        return to_text(value)
    return format_decimal(number, locale=find_locale(locale))


def currency_code(code: object) -> str:
    """Read the code of a currency; nothing means dollars. Raises ValueError for what is no code."""
    text = to_text(code).strip() or "USD"
    if len(text) != 3 or not (text.isascii() and text.isalpha()):
        raise ValueError(f"'{text[:16]}' is not a currency code such as EUR")
    return text.upper()


def currency(value: object, code: object = "USD", locale: object = "en") -> str:
    """Write an amount of money with the currency's own decimals; what is not a number stays."""
    number = _read_number(value)
    if number is None:
        return to_text(value)
    return format_currency(number, currency_code(code), locale=find_locale(locale))


def rounded_currency(value: object, code: object = "USD", locale: object = "en") -> str:
    """Write an amount of money rounded half up to a whole number; what is not a number stays."""
    number = _read_number(value)
    if number is None:
        return to_text(value)
    found = find_locale(locale)
    pattern: NumberPattern = copy(found.currency_formats["standard"])
    pattern.frac_prec = (0, 0)
    text: str = pattern.apply(
        number.quantize(Decimal(1), rounding=ROUND_HALF_UP),
        found,
        currency=currency_code(code),
        currency_digits=False,
    )
    return text


LOCALE_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("format_date_in_locale", format_date_in_locale),
    ("format_datetime_in_locale", format_datetime_in_locale),
    ("format_number", format_number),
    ("currency", currency),
    ("rounded_currency", rounded_currency),
)

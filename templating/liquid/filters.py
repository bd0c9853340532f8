"""Knock's filters that need no stored data: text, JSON, hashes, lists, versions.

Source: Knock docs, "Liquid helpers". A filter raises ValueError for operands it cannot work with;
the guard turns that into the template's error.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

from liquid.undefined import is_undefined

from domain.kit.json_types import read_json
from templating.liquid.locale_filters import LOCALE_FILTERS
from templating.liquid.printing import storable_json, to_json, to_text
from templating.liquid.time_filters import TIME_FILTERS
from templating.markup.markdown import markdown_to_html

_MAX_JSON = 256 * 1024
# NUL and halves of surrogate pairs.
_ODD_ESCAPES = re.compile(r"\\u(0000|[dD][89a-fA-F])")
_WORD = re.compile(r"\S+")
_VERSION = re.compile(
    r"[vV]?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)


def from_json(text: object) -> Any:
    """Read JSON; an empty string gives nothing, and what is not a string stays as it is."""
    if not isinstance(text, str):
        return None if is_undefined(text) else text
    if not text.strip():
        return None
    if len(text) > _MAX_JSON:
        raise ValueError(f"JSON may have at most {_MAX_JSON // 1024} kB")
    value = read_json(text)
    return storable_json(value) if _ODD_ESCAPES.search(text) else value


def pluralize(count: object, singular: object, plural: object) -> str:
    """Return the first word for exactly one, else the second."""
    return to_text(singular if to_text(count).strip() in {"1", "1.0"} else plural)


def titlecase(text: str) -> str:
    """Begin every word with a capital letter and write the rest of it in lower case."""
    return _WORD.sub(lambda word: word[0][:1].upper() + word[0][1:].lower(), text)


def md5(text: str) -> str:
    """Return the MD5 digest in hex."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sha256(text: str) -> str:
    """Return the SHA-256 digest in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def hmac_sha256(text: str, key: object) -> str:
    """Return the HMAC-SHA-256 of the text under a key, in hex."""
    return hmac.new(to_text(key).encode(), text.encode(), hashlib.sha256).hexdigest()


def intersect(left: object, right: object) -> list[Any]:
    """Return the members of the first list that the second has too, in order, each once."""
    if not isinstance(left, (list, tuple)) or not isinstance(right, (list, tuple)):
        return []
    wanted = {to_json(item) for item in right}
    common: dict[str, Any] = {}
    for item in left:
        name = to_json(item)
        if name in wanted:
            common.setdefault(name, item)
    return list(common.values())


def compare_versions(left: object, right: object) -> int | None:
    """Compare semantic versions: -1, 0 or 1 for older, same or newer than the argument.

    Nothing is not a version, and comparing it prints nothing.
    """
    if not to_text(left).strip() or not to_text(right).strip():
        return None
    first, second = version_key(left), version_key(right)
    return (first > second) - (first < second)


def version_key(value: object) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Return what versions sort by; a release is newer than its pre-releases.

    Raises ValueError for what is no version.
    """
    text = to_text(value).strip()
    match = _VERSION.fullmatch(text) if len(text) <= 256 else None
    if match is None:
        raise ValueError(f"'{text[:64]}' is not a version")
    numbers = tuple(int(part or 0) for part in match.groups()[:3])
    labels = match[4].split(".") if match[4] else []
    # Numbers sort below words, and by value.
    keys = tuple((False, int(part), "") if part.isdigit() else (True, 0, part) for part in labels)
    return numbers, match[4] is None, keys


KNOCK_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    *TIME_FILTERS,
    *LOCALE_FILTERS,
    ("json", to_json),
    ("from_json", from_json),
    ("pluralize", pluralize),
    ("titlecase", titlecase),
    ("md5", md5),
    ("sha256", sha256),
    ("hmac_sha256", hmac_sha256),
    ("intersect", intersect),
    ("from_markdown", markdown_to_html),
    ("compare_versions", compare_versions),
)

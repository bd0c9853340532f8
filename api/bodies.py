"""Reads JSON bodies, after authentication, so that no input can become a fault of ours.

What PostgreSQL cannot store (null characters, lone surrogates, numbers without a value) is
refused here with the path of its field. The deep walk runs only for bodies that hold a suspect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from fastapi import Request

from api.strings import problem_of
from domain.errors import InvalidParams
from domain.json_types import JsonObject, JsonValue

MAX_DEPTH = 64
_MAX_INTEGER = 2**63
# An escape that may be a null character or a surrogate; a number that may be too big.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[0-9]{18}|[0-9][eE]")


async def read_object(request: Request) -> JsonObject:
    """Read a body that is a JSON object; an empty body is an empty object.

    Raises:
        InvalidParams: it is not valid JSON, not an object, or holds what cannot be stored.
        PayloadTooLarge: it is larger than this endpoint takes.
    """
    return parse_object(await request.body())


def parse_object(raw: bytes) -> JsonObject:
    """Decode and check a body; see `read_object`."""
    if not raw.strip():
        return {}
    value = _decode(raw)
    if not isinstance(value, dict):
        raise InvalidParams.of("body", "must be a JSON object")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise InvalidParams.of("body", f"must not be nested deeper than {MAX_DEPTH} levels")
    if _SUSPECT.search(raw):
        for field, problem in _problems(value, ""):
            raise InvalidParams.of(field, problem)
    return value


def _decode(raw: bytes) -> JsonValue:
    try:
        # Not json.loads(bytes): that would let encoded surrogates pass.
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        message = f"must not be nested deeper than {MAX_DEPTH} levels"
    except ValueError:
        message = "must be valid JSON in UTF-8"
    raise InvalidParams.of("body", message)


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


def _is_too_deep(value: JsonValue) -> bool:
    """Go down level by level, without recursion."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _problems(value: JsonValue, path: str) -> Iterator[tuple[str, str]]:
    """Yield field and problem of everything that cannot be stored; the depth is bounded."""
    if isinstance(value, dict):
        for key, member in value.items():
            problem = problem_of_text(key)
            if problem:
                yield path or "body", f"has a key that {problem}"
            yield from _problems(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _problems(member, f"{path}[{index}]")
    else:
        problem = _problem_of_scalar(value)
        if problem:
            yield path, problem


def problem_of_text(text: str) -> str | None:
    """Say what is wrong with a string of a body: unlike in a path, U+FFFD is the caller's own."""
    return problem_of(text.replace("\ufffd", ""))


def _problem_of_scalar(value: JsonValue) -> str | None:
    if isinstance(value, str):
        return problem_of_text(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "is a number that is too big"
    if isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
        return "is an integer that is too big"
    return None

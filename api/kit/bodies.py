"""Reads JSON bodies, after authentication, so that no input can become a fault of ours.

The size of a body, the number of its values and the time it may take to arrive are limited. What
PostgreSQL cannot store (null characters, lone surrogates, numbers without a value) is refused with
the path of its field. The deep walk runs only for bodies that hold a suspect.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import NoReturn
from urllib.parse import parse_qs

from fastapi import Request

from api.kit.strings import problem_of
from domain.kit.errors import (
    FieldError,
    InvalidParams,
    PayloadTooLarge,
    RequestTimeout,
    Unavailable,
)
from domain.kit.json_types import JsonObject, JsonValue, depth_of
from domain.kit.shapes import Shape, read_shape
from domain.kit.violations import Violations
from runtime.settings import Settings

MAX_DEPTH = 64
# A value may take a hundred times the memory of its text, and parsing keeps every other request
# waiting (in a thread too: the parser does not let go of the interpreter's lock).
MAX_VALUES = 1_000_000
MAX_FORM_FIELDS = 2_000
# Few bodies that are larger than this are worked on at once.
LARGE_BYTES = 1024 * 1024
LARGE_AT_ONCE = 4
# Files are worked on for longer than any other body, and have places of their own.
FILES_AT_ONCE = 1
_PLACE_SECONDS = 10.0
# Most places that an answer names of what cannot be stored.
_MOST_PROBLEMS = 50
# A key may be as long as a body; its place in a problem is for people to read.
_MOST_OF_A_KEY = 255
# What a double can hold; JSON numbers beyond it are read as infinite elsewhere. PostgreSQL writes
# the largest of them as integers, so callers send them back as such.
_MAX_INTEGER = int(sys.float_info.max)
_MAX_DIGITS = sys.float_info.max_10_exp
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
# An escape that may be a null character or a surrogate.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body, and the bytes that it was sent in."""

    content: JsonObject
    size: int


class Unstorable(InvalidParams):
    """A body that holds what cannot be stored, which can be read all the same."""

    def __init__(self, errors: Sequence[FieldError], content: JsonValue) -> None:
        super().__init__(errors)
        self.content = content

    def within(self, shape: type[Shape]) -> InvalidParams:
        """Return it with what else is wrong with the body, which has to be of a shape."""
        violations = Violations()
        violations.extend(self.errors)
        if isinstance(self.content, dict):
            violations.read(read_shape, shape, self.content)
        told = [one for one in violations.errors if not problem_of_text(str(one))]
        return InvalidParams(list(dict.fromkeys(told)))


async def read_object(request: Request, shape: type[Shape] | None = None) -> JsonObject:
    """Read a body that is a JSON object; an empty body, `null` and `[]` are empty objects.

    Args:
        request: the request.
        shape: that the object is going to be read as; what is wrong by it is told with the rest.

    Raises:
        InvalidParams: it is not valid JSON, not an object, or holds what cannot be stored.
        PayloadTooLarge: it is larger than other endpoints than triggers take.
        RequestTimeout: it takes too long to arrive.
    """
    settings = _settings(request)
    return parse_object(await _receive(request, settings.max_body_bytes), shape)


async def read_signed(request: Request) -> tuple[bytes, JsonObject]:
    """Read a body as `read_object` does, and return it also as it came: a signature is of that."""
    raw = await _receive(request, _settings(request).max_body_bytes)
    return raw, parse_object(raw)


async def read_raw(request: Request) -> bytes:
    """Read a body as it came, for whoever decodes what others have written.

    Raises:
        PayloadTooLarge: it is larger than other endpoints than triggers take.
        RequestTimeout: it takes too long to arrive.
    """
    return await _receive(request, _settings(request).max_body_bytes)


async def read_file(request: Request, limit: int) -> bytes:
    """Read a body that is a file, which may be larger than other bodies.

    Args:
        request: its body is the file itself.
        limit: most bytes.

    Raises:
        InvalidParams: it is a form that a browser has put the file into.
        PayloadTooLarge: it is larger.
        RequestTimeout: it takes too long to arrive.
        Unavailable: another large file is worked on.
    """
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise InvalidParams.of("body", "must be the file itself, not a form that contains it")
    raw = await _receive(request, limit)
    if len(raw) > LARGE_BYTES:
        await request.state.held.enter_async_context(_place(request.app.state.large_files))
    return raw


async def read_form(request: Request) -> dict[str, list[str]]:
    """Read what the form of a page of ours sends: every value of every field.

    Raises:
        InvalidParams: it has more fields than any of our forms.
        PayloadTooLarge: it is larger than other endpoints than triggers take.
        RequestTimeout: it takes too long to arrive.
    """
    raw = await _receive(request, _settings(request).max_body_bytes)
    try:
        return parse_qs(raw.decode(errors="replace"), max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise InvalidParams.of("body", f"must have at most {MAX_FORM_FIELDS} fields") from None


async def read_large_object(request: Request, shape: type[Shape] | None = None) -> Body:
    """Read a body that may be large, as of a trigger or a bulk request; see `read_object`.

    Raises:
        Unavailable: too many large bodies are worked on.
    """
    raw = await _receive(request, _settings(request).max_trigger_body_bytes)
    if len(raw) > LARGE_BYTES:
        await request.state.held.enter_async_context(_place(request.app.state.large_bodies))
    return Body(parse_object(raw, shape), len(raw))


@asynccontextmanager
async def _place(places: asyncio.Semaphore) -> AsyncIterator[None]:
    """Hold one of the few places for large bodies, each of which takes ten times its size.

    Raises:
        Unavailable: none became free in time.
    """
    try:
        async with asyncio.timeout(_PLACE_SECONDS):
            await places.acquire()
    except TimeoutError:
        raise Unavailable("Too many large requests are in progress; try again.") from None
    try:
        yield
    finally:
        places.release()


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _receive(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    too_large = PayloadTooLarge(f"The body is larger than {limit} bytes.")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    body = bytearray()
    seconds = _settings(request).body_seconds
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        message = f"The body did not arrive within {seconds:g} seconds."
        raise RequestTimeout(message) from None
    return bytes(body)


def parse_object(raw: bytes, shape: type[Shape] | None = None) -> JsonObject:
    """Decode and check a body; see `read_object`."""
    if not raw.strip():
        return {}
    try:
        value = parse_value(raw)
    except Unstorable as refusal:
        raise refusal if shape is None else refusal.within(shape) from None
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise InvalidParams.of("body", "must be a JSON object")
    return value


def parse_value(raw: bytes) -> JsonValue:
    """Decode JSON from a caller.

    Raises:
        InvalidParams: it is no JSON, or with the places of what could not be stored, 50 at most.
    """
    if _has_too_many_values(raw):
        raise InvalidParams.of("body", f"must have at most {MAX_VALUES:,} values")
    value, has_large_numbers = _decode(raw)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and depth_of(value) > MAX_DEPTH:
        raise InvalidParams.of("body", f"must not be nested deeper than {MAX_DEPTH} levels")
    if has_large_numbers or _SUSPECT.search(raw):
        problems = [FieldError(*each) for each in islice(_problems(value, ""), _MOST_PROBLEMS)]
        if problems:
            raise Unstorable(problems, value)
    return value


def _has_too_many_values(raw: bytes) -> bool:
    """Count what separates and opens values: roughly, and if need be without what strings hold."""

    def count(text: bytes) -> int:
        return text.count(b",") + text.count(b"[") + text.count(b"{")

    return count(raw) > MAX_VALUES and count(_STRING.sub(b"", raw)) > MAX_VALUES


def _decode(raw: bytes) -> tuple[JsonValue, bool]:
    """Decode JSON, and tell whether one of its numbers is too big."""
    has_large_numbers = False

    def read_integer(text: str) -> int:
        nonlocal has_large_numbers
        has_large_numbers = has_large_numbers or len(text) > _MAX_DIGITS
        return int(text)

    def read_float(text: str) -> float:
        nonlocal has_large_numbers
        number = float(text)
        has_large_numbers = has_large_numbers or math.isinf(number)
        return number

    try:
        # Not json.loads(bytes): that would let encoded surrogates pass.
        value = json.loads(
            raw.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_int=read_integer,
            parse_float=read_float,
        )
    except RecursionError:
        message = f"must not be nested deeper than {MAX_DEPTH} levels"
    except ValueError:
        message = "must be valid JSON in UTF-8"
    else:
        return value, has_large_numbers
    raise InvalidParams.of("body", message)


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


def _problems(value: JsonValue, path: str) -> Iterator[tuple[str, str]]:
    """Yield field and problem of everything that cannot be stored; the depth is bounded."""
    if isinstance(value, dict):
        for key, member in value.items():
            problem = problem_of_text(key)
            if problem:  # nor could the place of what it leads to be told
                yield path or "body", f"has a key that {problem}"
                continue
            shown = key[:_MOST_OF_A_KEY]
            yield from _problems(member, f"{path}.{shown}" if path else shown)
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
    if isinstance(value, float) and math.isinf(value):
        return "is a number that is too large"
    if isinstance(value, int) and not -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return "is an integer that is too large"
    return None

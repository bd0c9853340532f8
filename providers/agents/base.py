"""What an adapter of a language model's API is asked, and what it reads of an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from domain.kit.json_types import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked.

    Attributes:
        model: as its vendor calls it.
        prompt: the text.
        schema: the JSON Schema of the answer; None for plain text.
        web_search: whether the model may search the web.
        turns: what was said since, when the model paused and has to be asked to go on.
    """

    model: str
    prompt: str
    schema: JsonObject | None = None
    web_search: bool = False
    turns: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered: one of its members says what came of it.

    Attributes:
        text: what it said; JSON, where a schema was given.
        value: what it said, where its API gives a value and no text.
        is_refusal: whether it will not answer.
        problem: why there is no usable answer, where asking again may help.
        said: what to ask again with, because the model paused.
    """

    text: str | None = None
    value: JsonValue = None
    is_refusal: bool = False
    problem: str | None = None
    said: JsonValue = None


class Adapter(Protocol):
    """The HTTP API of a vendor, and of those who speak like it.

    Attributes:
        base_url: of the vendor itself.
        can_search: whether its models may search the web.
    """

    base_url: str
    can_search: bool

    def build_request(self, base_url: str, api_key: str, question: Question) -> httpx.Request:
        """Write the request."""
        ...

    def read(self, body: JsonValue, question: Question) -> Reply:
        """Read the body of a 2xx answer; nothing about it may raise."""
        ...


def members(value: JsonValue) -> JsonObject:
    """Return an object, or an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def entries(value: JsonValue) -> list[JsonObject]:
    """Return the objects of a list; what is no list has none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

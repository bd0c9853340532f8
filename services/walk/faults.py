"""Whose fault an error is: the author's or a customer's fails the step, ours stops the walk.

A template, a condition or data can raise anything in the code that reads it. All of that belongs
to the content, because trying again for ever would not help, and somebody has to be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from domain.conditions import ConditionError
from domain.kit.errors import Unavailable
from domain.kit.json_types import JsonObject
from domain.kit.storable import storable_text
from templating.limits import LiquidError

_LONGEST = 1_000
# These say in a sentence for the author what is wrong.
_SPOKEN = (ConditionError, LiquidError)


class ContentError(Exception):
    """A step cannot be taken because of what its author or a customer wrote.

    Args:
        kind: condition, template, content, request or unsupported.
        text: one sentence for the author; ends in the run's story.
        is_final: whether the step fails at once, because another attempt would not help or all of
            them were made.
        place: the field that is at fault, and the line and column in it, as far as they are known.
    """

    def __init__(
        self, kind: str, text: str, *, is_final: bool = False, place: JsonObject | None = None
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = storable_text(text)[:_LONGEST]
        self.is_final = is_final
        self.place = place or {}

    def told(self) -> JsonObject:
        """Return what an event says of it."""
        return {"reason": self.kind, "error": self.text, **self.place}


@contextmanager
def blaming(kind: str) -> Iterator[None]:
    """Turn whatever the block raises into a `ContentError`, except what the database raises."""
    try:
        yield
    except (ContentError, Unavailable, psycopg.Error):
        raise
    except Exception as error:
        text = str(error) if isinstance(error, _SPOKEN) else f"{type(error).__name__}: {error}"
        place = _place(error) if isinstance(error, LiquidError) else None
        raise ContentError(kind, text, place=place) from error


def _place(error: LiquidError) -> JsonObject:
    place: JsonObject = {} if error.field is None else {"field": error.field}
    return place if error.at is None else {**place, **error.at._asdict()}

"""Collect every violation of a definition before refusing it, so that a caller sees all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonValue

T = TypeVar("T")


class Violations:
    """A growing list of field errors; parsers add to it and the outermost one raises."""

    def __init__(self) -> None:
        self._errors: list[FieldError] = []

    def __len__(self) -> int:
        return len(self._errors)

    @property
    def errors(self) -> list[FieldError]:
        """Return what was noted."""
        return list(self._errors)

    def add(self, field: str, message: str, error_type: str | None = None) -> None:
        """Note one violation."""
        self._errors.append(FieldError(field, message, error_type))

    def extend(self, errors: Iterable[FieldError]) -> None:
        """Note several violations."""
        self._errors.extend(errors)

    def check(self, parser: Callable[[JsonValue, str], T], raw: JsonValue, field: str) -> T | None:
        """Run a parser that raises InvalidParams; keep its errors and return None instead."""
        try:
            return parser(raw, field)
        except InvalidParams as refusal:
            self._errors.extend(refusal.errors)
            return None

    def raise_any(self) -> None:
        """Raise InvalidParams when there is at least one violation."""
        if self._errors:
            raise self.refusal()

    def refusal(self) -> InvalidParams:
        """Return the error of what was noted, at least one violation."""
        return InvalidParams(self._errors, str(self._errors[0]))

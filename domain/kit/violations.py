"""Collect every violation of a request before refusing it, so that its caller sees all at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import ParamSpec, TypeVar, cast

from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonValue

P = ParamSpec("P")
T = TypeVar("T")


class Violations:
    """A growing list of field errors; readers add to it and the outermost one raises."""

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
        return self.read(parser, raw, field)

    def read(self, reader: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a reader returns; what it refuses is kept, and `raise_any` raises it."""
        try:
            return reader(*args, **kwargs)
        except InvalidParams as refusal:
            self._errors.extend(refusal.errors)
        return cast(T, None)  # nobody gets to use it, since `raise_any` comes first

    async def wait_for(self, reading: Awaitable[T]) -> T:
        """Return what a reader returns that takes its time, such as that of a body; see `read`."""
        try:
            return await reading
        except InvalidParams as refusal:
            self._errors.extend(refusal.errors)
        return cast(T, None)

    def raise_any(self) -> None:
        """Raise InvalidParams when there is at least one violation."""
        if self._errors:
            raise self.refusal()

    def refusal(self) -> InvalidParams:
        """Return the error of what was noted, at least one violation, each once."""
        return InvalidParams(list(dict.fromkeys(self._errors)))

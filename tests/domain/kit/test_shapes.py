"""What callers are told of values that are not of their shape."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.shapes import Shape, read_shape
from domain.kit.stored import Name


class _Shape(Shape):
    name: Name = "A"
    judged: Annotated[str, BeforeValidator(str.strip), Field(min_length=2, max_length=3)] = "two"
    plain: Annotated[str | None, Field(max_length=3)] = None
    entries: Annotated[list[int] | None, Field(max_length=3)] = None


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("name", "x" * 256, "must have at most 255 characters"),
        ("judged", "four", "must have at most 3 characters"),
        ("judged", "1", "must have at least 2 characters"),
        ("plain", "four", "must have at most 3 characters"),
        ("entries", [1, 2, 3, 4], "must have at most 3 entries"),
    ],
)
def test_lengths(member: str, value: JsonValue, message: str) -> None:
    """Strings have characters, behind a validator too; lists have entries."""
    with pytest.raises(InvalidParams) as refused:
        read_shape(_Shape, {member: value})

    assert [(one.field, one.message) for one in refused.value.errors] == [(member, message)]

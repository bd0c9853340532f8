"""What a process remembers has a name and a type."""

from __future__ import annotations

from dataclasses import fields

import pytest

from services.engine import Engine, Unit

_SHAPELESS = ("Any", "object", "dict", "list", "set")


@pytest.mark.parametrize("name", [field.name for field in fields(Engine)])
def test_a_part_of_the_engine_is_of_one_class(name: str) -> None:
    """No member is a collection in which modules keep things for each other under string keys."""
    (declared,) = (field.type for field in fields(Engine) if field.name == name)
    assert isinstance(declared, str)
    assert declared.isidentifier()
    assert declared not in _SHAPELESS


def test_units_and_engines_take_no_other_members() -> None:
    """Nothing can be hung on them on the way."""
    assert "__dict__" not in dir(Engine)
    assert "__dict__" not in dir(Unit)

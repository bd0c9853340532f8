"""What a process remembers has a name and a type, and a unit of work knows its parts."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from services.engine import Engine, Unit

ROOT = Path(__file__).parents[2]
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


def test_what_is_taken_back_is_taken_back_by_its_unit() -> None:
    """A savepoint of the connection's own would keep what the unit owes or does afterwards."""
    openers = {
        path.relative_to(ROOT).as_posix()
        for package in ("activities", "api", "models", "services")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "transaction"
    }
    assert openers == {"services/engine.py"}

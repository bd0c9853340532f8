"""What is wrong with a request is told at once."""

from __future__ import annotations

import pytest

from domain.kit.durations import parse_duration
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.violations import Violations


def test_the_message_says_how_many_more_there_are() -> None:
    """Some clients show nothing but the message, so it must not look like all that is wrong."""
    with pytest.raises(InvalidParams) as refusal:
        parse_duration({"unit": "moons", "value": "many"}, "delay")
    assert len(refusal.value.errors) == 2
    assert str(refusal.value).endswith(" (and 1 more)")


def test_a_violation_is_told_once() -> None:
    """However many readers come upon it."""
    violations = Violations()
    for _ in range(2):
        violations.add("key", "is required")
    assert violations.refusal().errors == (FieldError("key", "is required"),)

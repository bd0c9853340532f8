"""Which time zone counts, of several that are given."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.zones import FALLBACK_ZONE, first_zone, is_zone


@pytest.mark.parametrize(
    "wrong", [None, "", "nowhere", "America", "../../etc/passwd", "a\0b", "x" * 999, 5, {}]
)
def test_the_first_that_there_is(wrong: Any) -> None:
    """What names no zone is passed over, whatever it is; in the end there is one in any case."""
    assert first_zone(wrong, "Asia/Tokyo", "Europe/Berlin") == "Asia/Tokyo"
    assert first_zone(wrong) == FALLBACK_ZONE
    assert not isinstance(wrong, str) or not is_zone(wrong)

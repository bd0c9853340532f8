"""Instants as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from domain.kit.clock import iso


@pytest.mark.parametrize(
    "zone",
    [
        UTC,
        ZoneInfo("UTC"),
        ZoneInfo("Europe/London"),
        ZoneInfo("Asia/Kolkata"),
        timezone(timedelta(hours=-3, seconds=-30)),
        timezone(timedelta(seconds=30)),
    ],
)
@pytest.mark.parametrize("month", [1, 7])
def test_an_instant_is_written_in_utc_whatever_its_zone(zone: tzinfo, month: int) -> None:
    """With microseconds and `Z`, also where the zone is now and then that of UTC."""
    instant = datetime(2026, month, 3, 12, 0, 0, 5, tzinfo=UTC)
    assert iso(instant.astimezone(zone)) == f"2026-0{month}-03T12:00:00.000005Z"

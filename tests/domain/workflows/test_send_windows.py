"""Send windows: parsing, and when the next opening is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.errors import InvalidParams
from domain.workflows.send_windows import (
    DAYS,
    NEVER_OPEN,
    OPEN_NOW,
    OpeningState,
    SendWindow,
    next_opening,
    parse_send_windows,
)

NEW_YORK = "America/New_York"
OFFICE = [
    {"day": day, "type": "send", "from": "09:00:00", "until": "17:00:00"} for day in DAYS[:5]
] + [{"day": day, "type": "do_not_send"} for day in DAYS[5:]]


def local(text: str) -> datetime:
    """Read a wall-clock time of New York."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-01-05T09:00", None),
        ("2026-01-05T16:59:59", None),
        ("2026-01-05T08:59:59", "2026-01-05T09:00"),
        ("2026-01-05T17:00", "2026-01-06T09:00"),
        ("2026-01-09T18:00", "2026-01-12T09:00"),
        ("2026-01-10T12:00", "2026-01-12T09:00"),
    ],
)
def test_office_hours(now: str, opens: str | None) -> None:
    """A window is open from its start and shut at its end; blocked days are passed over."""
    opening = next_opening(parse_send_windows(OFFICE), local(now), NEW_YORK)

    if opens is None:
        assert opening == OPEN_NOW
    else:
        assert opening.state is OpeningState.LATER
        assert opening.at == local(opens)


def test_no_windows_are_always_open() -> None:
    """Without a list nothing is held back."""
    for raw in (None, []):
        assert next_opening(parse_send_windows(raw), local("2026-01-10T03:00"), None) == OPEN_NOW


def test_all_days_blocked_never_opens() -> None:
    """Seven blocked days let nothing through, ever."""
    windows = parse_send_windows([{"day": day, "type": "do_not_send"} for day in DAYS])

    assert next_opening(windows, local("2026-01-10T03:00"), NEW_YORK) == NEVER_OPEN


def test_a_day_that_is_not_listed_is_open_all_day() -> None:
    """Only the days of the list are restricted."""
    windows = parse_send_windows([{"day": "monday", "type": "do_not_send"}])

    assert next_opening(windows, local("2026-01-06T00:00"), NEW_YORK) == OPEN_NOW
    assert next_opening(windows, local("2026-01-05T12:00"), NEW_YORK).at == local(
        "2026-01-06T00:00"
    )


def test_the_same_weekday_comes_round_again() -> None:
    """When the only window of the week has passed, next week's is the next."""
    raw = [{"day": day, "type": "do_not_send"} for day in DAYS[1:]]
    windows = parse_send_windows([*raw, {"day": "monday", "type": "send", "until": "08:00"}])

    assert next_opening(windows, local("2026-01-05T08:00"), NEW_YORK).at == local(
        "2026-01-12T00:00"
    )


def test_a_window_that_the_clocks_swallow_opens_a_week_later() -> None:
    """A window inside the hour that the clocks jump over does not open on that day."""
    raw = [{"day": day, "type": "do_not_send"} for day in DAYS[:6]]
    sunday = {"day": "sunday", "type": "send", "from": "02:00", "until": "03:00"}
    windows = parse_send_windows([*raw, sunday])

    opening = next_opening(windows, local("2026-03-07T12:00"), NEW_YORK)

    assert opening.at == local("2026-03-15T02:00")


def test_the_zone_decides() -> None:
    """The same instant is inside the window in one zone and outside in another."""
    windows = parse_send_windows(OFFICE)
    now = datetime(2026, 1, 5, 15, tzinfo=UTC)

    assert next_opening(windows, now, NEW_YORK) == OPEN_NOW
    assert next_opening(windows, now, "Asia/Tokyo").at == datetime(2026, 1, 6, 0, tzinfo=UTC)
    assert next_opening(windows, now, "No/Where") == OPEN_NOW


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"from": "09:00", "until": "17:30:15"}, (9 * 3600, 17 * 3600 + 1815)),
        ({"from": 540, "until": 1020}, (9 * 3600, 17 * 3600)),
        ({"from": None, "until": None}, (0, 86400)),
        ({"until": "24:00"}, (0, 86400)),
        ({"from": "9:05"}, (9 * 3600 + 300, 86400)),
    ],
)
def test_time_formats(raw: dict[str, object], expected: tuple[int, int]) -> None:
    """Times are HH:MM, HH:MM:SS or minutes of the day; left out, they mean the whole day."""
    windows = parse_send_windows([{"day": "tuesday", "type": "send", **raw}])

    assert windows == (SendWindow(1, True, *expected),)


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        ({}, ["w"]),
        ("monday", ["w"]),
        ([None], ["w[0]"]),
        ([{}], ["w[0].day", "w[0].type"]),
        ([{"day": "mon", "type": "send"}], ["w[0].day"]),
        ([{"day": "monday", "type": "maybe"}], ["w[0].type"]),
        ([{"day": "monday", "type": "send", "from": "25:00"}], ["w[0].from"]),
        ([{"day": "monday", "type": "send", "from": "nine"}], ["w[0].from"]),
        ([{"day": "monday", "type": "send", "from": True}], ["w[0].from"]),
        ([{"day": "monday", "type": "send", "until": 1441}], ["w[0].until"]),
        ([{"day": "monday", "type": "send", "until": 0}], ["w[0].until"]),
        ([{"day": "monday", "type": "send", "from": "22:00", "until": "06:00"}], ["w[0].until"]),
        ([{"day": "monday", "type": "send", "from": "06:00", "until": "06:00"}], ["w[0].until"]),
        (
            [{"day": "monday", "type": "send"}, {"day": "monday", "type": "do_not_send"}],
            ["w[1].day"],
        ),
        ([{"day": "x", "type": "send"}, {"day": "friday", "type": 1}], ["w[0].day", "w[1].type"]),
    ],
)
def test_wrong_windows_name_each_member(raw: object, fields: list[str]) -> None:
    """Every violation of a list of windows is answered with its own field."""
    with pytest.raises(InvalidParams) as refusal:
        parse_send_windows(raw, "w")

    assert [error.field for error in refusal.value.errors] == fields


def test_the_hours_of_a_blocked_day_are_ignored() -> None:
    """A blocked day is blocked whatever times stand beside it."""
    windows = parse_send_windows(
        [{"day": "monday", "type": "do_not_send", "from": "22:00", "until": "06:00"}]
    )

    assert windows == (SendWindow(0, False),)


hours = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda pair: pair[0] < pair[1])
weeks = st.lists(st.none() | hours, min_size=7, max_size=7)


@given(
    weeks,
    st.integers(1_577_836_800, 2_051_222_400).map(lambda n: datetime.fromtimestamp(n, UTC)),
    st.sampled_from((NEW_YORK, "Australia/Lord_Howe", "Asia/Kathmandu", "Etc/UTC")),
)
def test_an_opening_is_an_opening(
    week: list[tuple[int, int] | None], now: datetime, zone: str
) -> None:
    """What is announced as the next opening is open then, lies ahead, and was shut just before."""
    windows = parse_send_windows(
        [
            {"day": day, "type": "do_not_send"}
            if times is None
            else {"day": day, "type": "send", "from": times[0], "until": times[1]}
            for day, times in zip(DAYS, week, strict=True)
        ]
    )

    opening = next_opening(windows, now, zone)

    assert (opening.state is OpeningState.NEVER) == (not any(week))
    if opening.at is not None:
        assert now < opening.at <= now + timedelta(days=15)
        assert next_opening(windows, opening.at, zone) == OPEN_NOW
        just_before = max(now, opening.at - timedelta(seconds=1))
        assert next_opening(windows, just_before, zone) == opening

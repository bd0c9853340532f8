"""The delay step: until when a run waits, or why it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.durations import Duration, DurationUnit
from domain.workflows.steps import DelayDecision, DelaySettings, DelayStep, decide_delay

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
PATH = "data.at"


def _fixed(length: Duration) -> DelayStep:
    return DelayStep(ref="d", settings=DelaySettings(delay_for=length))


def decide(
    value: Any = None, unit: str = "hours", amount: int | None = None, zone: str | None = None
) -> DelayDecision:
    """Decide a delay until `data.at`, with an offset when an amount is given."""
    offset = None if amount is None else Duration(DurationUnit(unit), amount)
    step = DelayStep(ref="d", settings=DelaySettings(delay_for=offset, delay_until_field_path=PATH))
    return decide_delay(step, {"data": {"at": value}}, NOW, zone)


@pytest.mark.parametrize(
    ("unit", "amount", "expected"),
    [
        ("seconds", 1, timedelta(seconds=1)),
        ("hours", 1, timedelta(hours=1)),
        ("days", 365, timedelta(days=365)),
        ("months", 1, timedelta(days=30)),
    ],
)
def test_fixed(unit: str, amount: int, expected: timedelta) -> None:
    """A fixed delay lasts from now, whatever the data."""
    step = _fixed(Duration(DurationUnit(unit), amount))

    assert decide_delay(step, {}, NOW, None) == DelayDecision(until=NOW + expected)


def test_zero_does_not_wait() -> None:
    """A delay of nothing goes on at once, and is no skip; so is a dynamic one."""
    step = _fixed(Duration(DurationUnit.HOURS, 0))

    assert decide_delay(step, {}, NOW, None) == DelayDecision()
    assert decide({"unit": "hours", "value": 0}) == DelayDecision()


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2026-06-16T00:00:00Z", None, "2026-06-16T00:00:00+00:00"),
        ("2026-06-16", None, "2026-06-16T00:00:00+00:00"),
        ({"unit": "days", "value": 2}, None, "2026-06-17T12:00:00+00:00"),
        ('{"unit": "days", "value": 2}', None, "2026-06-17T12:00:00+00:00"),
        ({"frequency": "daily", "hours": 9}, "America/New_York", "2026-06-15T13:00:00+00:00"),
        ({"frequency": "daily", "hours": 9}, None, "2026-06-16T09:00:00+00:00"),
        ({"unit": "months", "value": 12}, None, "2027-06-15T12:00:00+00:00"),
        ("2027-06-15T12:00:00Z", None, "2027-06-15T12:00:00+00:00"),
    ],
)
def test_dynamic(value: Any, zone: str | None, expected: str) -> None:
    """A dynamic delay ends at a timestamp, after a duration, or at the next fit of a rule."""
    assert decide(value, zone=zone) == DelayDecision(until=datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("value", "unit", "amount", "expected"),
    [
        ("2026-06-16T12:00:00Z", "hours", -2, "2026-06-16T10:00:00+00:00"),
        ("2026-06-16T12:00:00Z", "hours", 2, "2026-06-16T14:00:00+00:00"),
        ("2026-06-15T11:50:00Z", "hours", 1, "2026-06-15T12:50:00+00:00"),
        ("2026-08-31T12:00:00Z", "months", -1, "2026-07-31T12:00:00+00:00"),
        ("2027-06-16T12:00:00Z", "days", -2, "2027-06-14T12:00:00+00:00"),
        ({"unit": "days", "value": 2}, "hours", -1, "2026-06-17T11:00:00+00:00"),
    ],
)
def test_relative(value: Any, unit: str, amount: int, expected: str) -> None:
    """An offset reaches before or after the timestamp, which itself may be past."""
    assert decide(value, unit, amount) == DelayDecision(until=datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("value", "amount", "reason"),
    [
        (None, None, "data.at is not set"),
        ("", None, "data.at is not set"),
        (None, 1, "data.at is not set"),
        ("soon", None, "data.at is not a timestamp, duration or window rule in the future"),
        (5, 1, "data.at is not a timestamp, duration or window rule in the future"),
        ({"unit": "eons", "value": 1}, None, "data.at is not a timestamp, duration or window rule"),
        ("2026-06-15T11:59:59Z", None, "in the past"),
        ("2026-06-15T12:00:00Z", None, "in the past"),
        ("2026-06-15T12:30:00Z", -1, "in the past"),
        ("2026-06-15T10:30:00Z", 1, "in the past"),
        ("2027-06-15T12:00:01Z", None, "more than 365 days ahead"),
        ("2027-06-15T12:00:00Z", 1, "more than 365 days ahead"),
        ("9999-12-31T23:59:59Z", 1, "outside the years"),
        ("0001-01-01T00:00:00Z", -1, "outside the years"),
        ({"frequency": "monthly", "interval": 14}, None, "more than 365 days ahead"),
    ],
)
def test_what_cannot_be_waited_for_is_skipped(value: Any, amount: int | None, reason: str) -> None:
    """A target that is missing, malformed, past or too far away skips the step with a reason."""
    decision = decide(value, amount=amount)

    assert decision.until is None
    assert decision.skip_reason is not None
    assert reason in decision.skip_reason


def test_a_path_that_leads_nowhere_is_skipped() -> None:
    """A path whose root is absent is like a value that is not set."""
    step = DelayStep(ref="d", settings=DelaySettings(delay_until_field_path="recipient.wake.at"))

    assert decide_delay(step, {}, NOW, None) == DelayDecision(
        skip_reason="recipient.wake.at is not set"
    )


def test_exact_time_in_the_callers_zone() -> None:
    """A delay of a day lasts 24 hours over a clock change, whatever zone `now` is given in."""
    now = datetime(2026, 3, 7, 12, tzinfo=ZoneInfo("America/New_York"))
    step = _fixed(Duration(DurationUnit.DAYS, 1))

    decision = decide_delay(step, {}, now, None)

    assert decision.until == datetime(2026, 3, 8, 17, tzinfo=UTC)


@given(
    st.text() | st.integers() | st.dictionaries(st.text(), st.integers() | st.text()),
    st.none() | st.integers(-365, 365),
)
def test_any_value_gives_a_decision(value: Any, amount: int | None) -> None:
    """No data makes the decision raise, and a wait always lies ahead."""
    decision = decide(value, "days", amount)

    assert decision.until is None or (decision.until > NOW and decision.skip_reason is None)

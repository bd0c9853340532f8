"""What requests may say about schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.schedules.requests import (
    CreateSchedulesIn,
    NewSchedules,
    ScheduleEntryIn,
    UpdateSchedulesIn,
    new_schedule,
    new_schedules,
    schedule_changes,
)

DAILY: JsonObject = {"frequency": "daily"}


def _new(**body: Any) -> NewSchedules:
    whole = {"workflow": "digest", "recipients": ["ellie"], "repeats": [DAILY], **body}
    return new_schedules(read_shape(CreateSchedulesIn, whole))


def _wrong(**body: Any) -> dict[str, str]:
    with pytest.raises(InvalidParams) as caught:
        _new(**body)
    return {error.field: error.message for error in caught.value.errors}


def test_a_rule_is_stored_with_every_member() -> None:
    """What is left out is null, the interval 1, and groups of days are days."""
    weekdays = {"frequency": "weekly", "days": "weekdays", "hours": 9, "other": 1}
    assert _new(repeats=[weekdays]).repeats == [
        {
            "frequency": "weekly",
            "interval": 1,
            "day_of_month": None,
            "days": ["mon", "tue", "wed", "thu", "fri"],
            "hours": 9,
            "minutes": None,
        }
    ]


@pytest.mark.parametrize(
    ("repeat", "field", "message"),
    [
        ({}, "frequency", "must be one of: hourly, daily, weekly, monthly"),
        ({**DAILY, "interval": 0}, "interval", "must be a whole number from 1 to 1000"),
        ({**DAILY, "minutes": 7}, "minutes", "must be a multiple of 5"),
        ({**DAILY, "hours": 24}, "hours", "must be a whole number from 0 to 23"),
        ({**DAILY, "day_of_month": 0}, "day_of_month", "must be a whole number from 1 to 31"),
    ],
)
def test_each_fault_of_a_rule_has_its_place(repeat: JsonObject, field: str, message: str) -> None:
    """All faults come at once, each at its own member."""
    found = _wrong(repeats=[DAILY, repeat], ending_at="soon")
    assert found == {
        f"repeats[1].{field}": message,
        "ending_at": "must be an ISO 8601 date-time",
    }


def test_it_has_to_say_when() -> None:
    """Neither repeats nor an instant is refused; explicit nulls count as left out."""
    nothing = {"repeats": None, "scheduled_at": None, "ending_at": None, "actor": None}
    assert _wrong(**nothing) == {"scheduled_at": "is required if there are no repeats"}
    assert _wrong(**nothing, data=5, recipients=[]) == {
        "scheduled_at": "is required if there are no repeats",
        "data": "must be an object",
        "recipients": "must not be empty",
    }
    naive = _new(**{**nothing, "scheduled_at": "2026-03-01T09:00:00"})
    assert naive.scheduled_at == datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(("count", "message"), [(0, "must not be empty"), (101, "at most 100")])
def test_recipients_have_a_number(count: int, message: str) -> None:
    """Between one and a hundred of them may be named."""
    assert message in _wrong(recipients=[f"u{n}" for n in range(count)])["recipients"]


def test_a_recipient_has_one_schedule() -> None:
    """Mentions of one recipient are one, with all that they say."""
    wanted = _new(recipients=["ellie", {"id": "ellie", "name": "Ellie"}, "alan"])
    assert [one.ref.id for one in wanted.recipients] == ["ellie", "alan"]
    assert wanted.recipients[0].properties == {"name": "Ellie"}


def test_a_recipient_has_the_place_of_its_first_mention() -> None:
    """Whatever is found out of a recipient later is told where the request names it."""
    wanted = _new(recipients=["ellie", "ellie", "alan"])
    assert {ref.id: place for ref, place in wanted.places.items()} == {
        "ellie": "recipients[0]",
        "alan": "recipients[2]",
    }


def test_an_entry_of_many_has_one_recipient() -> None:
    """It says when and for whom by itself, and each fault has its place in it."""
    entry = {"workflow": "digest", "repeats": [DAILY], "recipient": {"id": "ellie", "name": "E"}}
    wanted = new_schedule(read_shape(ScheduleEntryIn, entry))
    assert [(one.ref.id, one.properties) for one in wanted.recipients] == [("ellie", {"name": "E"})]
    assert list(wanted.places.values()) == ["recipient"]
    with pytest.raises(InvalidParams) as caught:
        read_shape(ScheduleEntryIn, {"workflow": "digest", "repeats": [DAILY]})
    assert caught.value.reasons == "recipient: is required"
    with pytest.raises(InvalidParams, match="scheduled_at"):
        read_shape(ScheduleEntryIn, {"workflow": "digest", "recipient": "ellie"})


def test_what_is_left_out_of_an_update_stays() -> None:
    """Only named members change; null takes away; ids that cannot be ours are passed over."""
    known = str(uuid4())
    body = {"schedule_ids": [known, "nobody", known], "ending_at": None, "tenant": "acme"}
    changes = schedule_changes(read_shape(UpdateSchedulesIn, body))
    assert [str(each) for each in changes.ids] == [known]
    assert changes.columns == {"ending_at": None, "tenant_id": "acme"}
    assert changes.moves
    plain = {"schedule_ids": [known], "data": {"n": 1}, "actor": None}
    changes = schedule_changes(read_shape(UpdateSchedulesIn, plain))
    assert changes.columns == {"data": {"n": 1}, "actor_collection": None, "actor_id": None}
    assert not changes.moves


def test_an_update_that_leaves_no_timing_is_refused_with_the_rest() -> None:
    """Where it says both by itself; else what is stored decides."""
    none = {"repeats": [], "scheduled_at": None}
    with pytest.raises(InvalidParams) as caught:
        read_shape(UpdateSchedulesIn, {"schedule_ids": [], **none})
    assert {error.field for error in caught.value.errors} == {"schedule_ids", "scheduled_at"}
    read_shape(UpdateSchedulesIn, {"schedule_ids": ["one"], "repeats": []})

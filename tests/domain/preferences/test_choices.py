"""How the switches of a page stand, and what it comes to when they are switched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.json_types import JsonObject
from domain.preferences.center import Row, RowType
from domain.preferences.choices import Choice, choices_of, wanted_changes
from domain.preferences.layers import merged
from domain.preferences.names import CHANNEL_TYPES
from domain.preferences.rows import StoredSet

NEWS = Row(RowType.CATEGORY, "News", identifier="news")
NEWS_BY_TYPE = Row(RowType.CATEGORY, "News", identifier="news", channel_types=("email", "sms"))
COMMENT = Row(RowType.WORKFLOW, "Comments", identifier="comment")
CHANNEL = Row(RowType.CHANNEL, "Letters", identifier="c1")
TYPES = Row(RowType.CHANNEL_TYPES, "Ways", channel_types=("email", "push"))
COMMERCIAL = Row(RowType.COMMERCIAL, "Offers")
CONDITIONAL = {"conditions": [{"variable": "data.a", "operator": "exists"}]}


def stored(own: JsonObject | None = None, environment: JsonObject | None = None) -> StoredSet:
    """Return a set as it is read."""
    return StoredSet("default", own, None, environment)


def choices(row: Row, found: StoredSet) -> list[Choice]:
    """Return the switches of one row; its channel sends e-mail."""
    return choices_of([row], found, {"c1": "email"})


def standing(row: Row, found: StoredSet) -> list[tuple[bool, bool]]:
    """Return whether each switch is on, and whether it is fixed."""
    return [(one.is_on, one.is_fixed) for one in choices(row, found)]


def switched(row: Row, found: StoredSet, *wanted: bool) -> JsonObject:
    """Return what comes of setting the switches of a row."""
    seen = choices(row, found)
    on = {one.name for one, is_on in zip(seen, wanted, strict=True) if is_on}
    return wanted_changes(seen, found.resolved(), shown={one.name for one in seen}, on=on)


@pytest.mark.parametrize("row", [NEWS, COMMENT, CHANNEL, COMMERCIAL])
def test_who_has_said_nothing_has_everything_on(row: Row) -> None:
    """And may switch it."""
    assert standing(row, stored()) == [(True, False)]


@pytest.mark.parametrize(
    ("row", "own", "on"),
    [
        (NEWS, {"categories": {"news": False}}, [False]),
        (NEWS, {"categories": {"news": {"channel_types": {"email": False}}}}, [True]),
        (
            NEWS,
            {"categories": {"news": {"channel_types": dict.fromkeys(CHANNEL_TYPES, False)}}},
            [False],
        ),
        (NEWS_BY_TYPE, {"categories": {"news": False}}, [False, False]),
        (NEWS_BY_TYPE, {"categories": {"news": True}}, [True, True]),
        (
            NEWS_BY_TYPE,
            {"categories": {"news": {"channel_types": {"email": False}}}},
            [False, True],
        ),
        (COMMENT, {"workflows": {"comment": False}}, [False]),
        (CHANNEL, {"channels": {"c1": False}}, [False]),
        (CHANNEL, {"channel_types": {"email": False}}, [False]),
        (CHANNEL, {"channels": {"c1": True}, "channel_types": {"email": False}}, [True]),
        (TYPES, {"channel_types": {"push": False}}, [True, False]),
        (COMMERCIAL, {"commercial_subscribed": False}, [False]),
    ],
)
def test_switches_stand_as_preferences_say(row: Row, own: JsonObject, on: list[bool]) -> None:
    """Whether the user has said it, or a default."""
    assert [is_on for is_on, _ in standing(row, stored(own))] == on
    assert [is_on for is_on, _ in standing(row, stored(None, own))] == on


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (NEWS, stored({"categories": {"news": CONDITIONAL}})),
        (NEWS, stored({"categories": {"news": {"channel_types": {"sms": CONDITIONAL}}}})),
        (NEWS_BY_TYPE, stored({"categories": {"news": CONDITIONAL}})),
        (CHANNEL, stored({"channels": {"c1": CONDITIONAL}})),
        (COMMERCIAL, stored({"commercial_subscribed": CONDITIONAL})),
        (TYPES, stored({"channel_types": {"email": CONDITIONAL, "push": CONDITIONAL}})),
        (NEWS, stored({}, {"categories": {"news": {"__strategy__": "replace"}}})),
        (
            NEWS_BY_TYPE,
            stored({}, {"categories": {"news": {"channel_types": {"__strategy__": "replace"}}}}),
        ),
        (CHANNEL, stored({}, {"channels": {"__strategy__": "replace", "c1": True}})),
        (TYPES, stored({}, {"channel_types": {"__strategy__": "replace"}})),
    ],
)
def test_what_the_user_cannot_decide_is_fixed(row: Row, found: StoredSet) -> None:
    """A condition, or a default that beats recipients, is shown and stays."""
    seen = choices(row, found)
    assert all(one.is_fixed for one in seen)
    assert switched(row, found, *[not one.is_on for one in seen]) == {}


def test_one_type_may_be_fixed_and_another_not() -> None:
    """Within one row."""
    found = stored({"categories": {"news": {"channel_types": {"sms": CONDITIONAL}}}})
    assert standing(NEWS_BY_TYPE, found) == [(True, False), (True, True)]


def test_a_channel_that_is_gone_has_no_switch() -> None:
    """Its row is left out."""
    assert choices_of([CHANNEL, NEWS], stored(), {}) == choices(NEWS, stored())


@pytest.mark.parametrize(
    ("row", "own", "wanted", "changes"),
    [
        (NEWS, {}, [True], {}),
        (NEWS, {}, [False], {"categories": {"news": False}}),
        (NEWS, {"categories": {"news": False}}, [True], {"categories": {"news": True}}),
        (COMMENT, {}, [False], {"workflows": {"comment": False}}),
        (CHANNEL, {"channel_types": {"email": False}}, [True], {"channels": {"c1": True}}),
        (TYPES, {}, [True, False], {"channel_types": {"push": False}}),
        (COMMERCIAL, {}, [False], {"commercial_subscribed": False}),
        (
            NEWS_BY_TYPE,
            {},
            [False, False],
            {"categories": {"news": {"channel_types": {"email": False, "sms": False}}}},
        ),
    ],
)
def test_only_what_was_switched_is_written(
    row: Row, own: JsonObject, wanted: list[bool], changes: JsonObject
) -> None:
    """In the form that the API's own writes have."""
    assert switched(row, stored(own), *wanted) == changes


@pytest.mark.parametrize("rows", [[TYPES, CHANNEL], [CHANNEL, TYPES]])
@pytest.mark.parametrize("before", [True, False])
def test_a_channel_stays_when_its_type_is_switched(rows: list[Row], before: bool) -> None:
    """It stands as the form says, also when it has followed its type before."""
    found = stored({"channel_types": {"email": before}})
    seen = choices_of(rows, found, {"c1": "email"})
    names = {(one.row, one.channel_type): one.name for one in seen}
    on = {one.name for one in seen if one.is_on} ^ {names[TYPES, "email"]}
    changes = wanted_changes(seen, found.resolved(), shown=set(names.values()), on=on)
    assert changes == {"channel_types": {"email": not before}, "channels": {"c1": before}}

    unseen = set(names.values()) - {names[CHANNEL, None]}
    changes = wanted_changes(seen, found.resolved(), shown=unseen, on=on)
    assert changes == {"channel_types": {"email": not before}}


def test_what_is_off_as_a_whole_comes_on_in_part() -> None:
    """The types that the page does not show stay off."""
    changes = switched(NEWS_BY_TYPE, stored({"categories": {"news": False}}), True, True)
    node = changes["categories"]["news"]["channel_types"]
    assert {name for name, value in node.items() if value} == {"email", "sms"}
    assert set(node) == set(CHANNEL_TYPES)


def test_what_was_not_shown_stays() -> None:
    """A row that came to the page after it was opened is not switched off by saving it."""
    seen = choices_of([NEWS, COMMENT], stored(), {})
    changes = wanted_changes(seen, {}, shown={seen[0].name, "unheard of"}, on=set())
    assert changes == {"categories": {"news": False}}


_FLAGS = st.none() | st.booleans()
_NODES: st.SearchStrategy[Any] = _FLAGS | st.fixed_dictionaries(
    {}, optional={"channel_types": st.dictionaries(st.sampled_from(CHANNEL_TYPES), st.booleans())}
)
_SETS = st.fixed_dictionaries(
    {},
    optional={
        "categories": st.fixed_dictionaries({}, optional={"news": _NODES}),
        "workflows": st.fixed_dictionaries({}, optional={"comment": _NODES}),
        "channels": st.fixed_dictionaries({}, optional={"c1": st.booleans()}),
        "channel_types": st.dictionaries(st.sampled_from(CHANNEL_TYPES), st.booleans()),
        "commercial_subscribed": _FLAGS,
    },
)
_ROWS = [NEWS_BY_TYPE, COMMENT, CHANNEL, COMMERCIAL]


@given(own=_SETS, environment=_SETS, wanted=st.lists(st.booleans(), min_size=5, max_size=5))
def test_after_saving_the_switches_stand_as_the_user_left_them(
    own: JsonObject, environment: JsonObject, wanted: list[bool]
) -> None:
    """Whatever was said before, by whom; and saving again changes nothing."""
    before = stored(own, environment)
    seen = choices_of(_ROWS, before, {"c1": "email"})
    on = {one.name for one, is_on in zip(seen, wanted, strict=True) if is_on}
    shown = {one.name for one in seen}
    changes = wanted_changes(seen, before.resolved(), shown=shown, on=on)

    after = stored(merged(own, changes), environment)
    now = choices_of(_ROWS, after, {"c1": "email"})
    assert [one.is_on for one in now] == wanted
    assert wanted_changes(now, after.resolved(), shown=shown, on=on) == {}

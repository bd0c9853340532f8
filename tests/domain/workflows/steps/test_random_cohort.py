"""The experiment step: its shares, and which cohort a key belongs to."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.errors import InvalidParams
from domain.workflows import normalise_workflow
from domain.workflows.steps import (
    RandomCohortStep,
    bucket_of,
    cohort_of,
    parse_steps,
    read_steps,
)
from tests.support.steps import cohort, cohort_step, delay_step, workflow


def experiment(*percentages: Any) -> RandomCohortStep:
    """Read an experiment with these shares."""
    (step,) = read_steps([cohort_step("x", *(cohort("c", share) for share in percentages))])
    assert isinstance(step, RandomCohortStep)
    return step


def fields_of(*cohorts: Any) -> list[str]:
    """Return the fields of all violations."""
    with pytest.raises(InvalidParams) as refusal:
        parse_steps([cohort_step("x", *cohorts)])
    return [error.field.removeprefix("steps[0].") for error in refusal.value.errors]


@pytest.mark.parametrize(
    "shares",
    [
        ("50", "50"),
        (50, 50),
        (33.3, "33.3", 33.4),
        ("0", 100),
        (99.9, "0.1"),
        (50.0, 50),
        [10] * 10,
    ],
)
def test_shares_sum_to_a_hundred(shares: Any) -> None:
    """Numbers and decimal strings are shares, 0 % included."""
    assert parse_steps([cohort_step("x", *(cohort("c", share) for share in shares))])


@pytest.mark.parametrize(
    "share", [-1, 101, 33.33, "33.33", "5e1", "", " 50", True, [], "1e-1", "\u0665"]
)
def test_wrong_shares(share: Any) -> None:
    """A share is a number from 0 to 100 with one decimal at most."""
    assert fields_of(cohort("a", share), cohort("b", 50)) == ["cohort_branches[0].percentage"]


def test_wrong_cohorts() -> None:
    """Two to ten cohorts, with shares that sum to 100."""
    assert fields_of(cohort("a", 50), cohort("b", "49.9")) == ["cohort_branches"]
    assert fields_of(cohort("a", 100)) == ["cohort_branches"]
    assert fields_of(*[cohort("a", 10)] * 11) == ["cohort_branches"]
    assert fields_of({"name": "a"}, cohort("b", None)) == [
        "cohort_branches[0].percentage",
        "cohort_branches[1].percentage",
    ]
    wrong = cohort("a", 50, {"type": "delay", "ref": "d"})
    assert fields_of(wrong, cohort("b", 50)) == ["cohort_branches[0].steps[0].settings"]


def test_shares_are_stored_as_strings() -> None:
    """Numbers are accepted, and read back as Knock writes them; wrong values stay as they are."""
    inner = cohort_step("y", cohort("c", 33.3), cohort("d", "66.7"))
    raw = workflow("x", cohort_step("x", cohort("a", 50, inner), cohort("b", 50.0, delay_step())))
    (step,) = normalise_workflow(raw)["steps"]
    first, second = step["cohort_branches"]
    assert (first["percentage"], second["percentage"]) == ("50", "50")
    assert first["steps"][0]["cohort_branches"][0]["percentage"] == "33.3"
    odd = normalise_workflow(workflow("x", cohort_step("x", cohort("a", True), cohort("b", None))))
    shares = [one["percentage"] for one in odd["steps"][0]["cohort_branches"]]
    assert shares == [True, None]


@pytest.mark.parametrize(
    ("bucket", "expected"), [(0, 0), (332, 0), (333, 2), (665, 2), (666, 3), (999, 3)]
)
def test_shares_are_ranges_of_buckets(bucket: int, expected: int) -> None:
    """Cohorts take their buckets in order, tenths of a percent each; nobody is in one of 0 %."""
    assert cohort_of(experiment("33.3", "0", "33.3", "33.4"), bucket) == expected


def test_a_stored_experiment_may_leave_some_out() -> None:
    """Shares that sum to less than 100 leave the last buckets to nobody."""
    step = experiment("10", "20")
    assert [cohort_of(step, bucket) for bucket in (99, 299, 300)] == [0, 1, None]


@pytest.mark.parametrize(("key", "bucket"), [("jhammond", 31), ("ellie", 194), ("", 653)])
def test_the_bucket_of_a_key_never_changes(key: str, bucket: int) -> None:
    """The hash is part of what is stored: another one would move everybody."""
    assert bucket_of("welcome", "experiment_1", key) == bucket


@given(st.text(), st.lists(st.integers(0, 1000), min_size=1, max_size=9))
def test_everybody_is_in_one_cohort(key: str, cuts: list[int]) -> None:
    """Whatever the shares, a key has one cohort, and not one of 0 %."""
    edges = [0, *sorted(cuts), 1000]
    shares = [f"{(high - low) / 10:.1f}" for low, high in pairwise(edges)]
    step = experiment(*shares)
    found = cohort_of(step, bucket_of("flow", "x", key))
    assert found is not None
    assert step.cohort_branches[found].percentage > 0


def test_the_shares_are_met() -> None:
    """Of many recipients about as many are in each cohort as it says."""
    step = experiment("25", "75")
    members = [cohort_of(step, bucket_of("flow", "x", f"user_{n}")) for n in range(4_000)]
    assert 900 < members.count(0) < 1_100


def test_steps_do_not_share_their_cohorts() -> None:
    """Who is in the first cohort of one experiment is in any of another one."""
    step = experiment("50", "50")
    names = [f"user_{n}" for n in range(1_000)]
    both = [
        (
            cohort_of(step, bucket_of("flow", "x", name)),
            cohort_of(step, bucket_of("flow", "y", name)),
        )
        for name in names
    ]
    assert all(200 < both.count(pair) < 300 for pair in [(0, 0), (0, 1), (1, 0), (1, 1)])

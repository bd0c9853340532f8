"""Which batch a step sees the items of."""

from __future__ import annotations

import pytest

from domain.workflows import read_workflow
from domain.workflows.steps.batch import batch_before
from tests.support.steps import batch_step, branch, branch_step, feed_step, workflow


@pytest.mark.parametrize(
    ("ref", "batch"),
    [("first", None), ("outer", None), ("inside", "inner"), ("beside", "outer"), ("last", "outer")],
)
def test_the_last_batch_on_the_way(ref: str, batch: str | None) -> None:
    """The nearest one before a step counts; one in a branch counts within that branch only."""
    inner = branch("a", batch_step("inner"), feed_step("x", "inside"))
    steps = read_workflow(
        workflow(
            "x",
            feed_step("x", "first"),
            batch_step("outer"),
            branch_step("choice", inner, branch("b", feed_step("x", "beside"))),
            feed_step("x", "last"),
        ),
        "flow",
    ).steps
    found = batch_before(steps, ref)
    assert (found.ref if found else None) == batch

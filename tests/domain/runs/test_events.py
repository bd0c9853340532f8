"""What counts as an error in a run's story is decided in one place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.kit.ids import new_id
from domain.runs.events import DERIVED, ENDS, ERRORS, NewRunEvent, RunEventType

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("event", RunEventType)
@pytest.mark.parametrize("failed", [False, True])
def test_status(event: RunEventType, *, failed: bool) -> None:
    """Some events always tell of an error, all others when they are told to."""
    told = NewRunEvent(run_id=new_id(), position=0, type=event, at=NOW, failed=failed)
    assert (told.status == "error") is (failed or event in ERRORS)


def test_what_a_row_stands_for_is_no_error() -> None:
    """A run's row tells well of its start and its end; an end with an error is stored."""
    assert not DERIVED & ERRORS
    assert {RunEventType.RUN_HALTED, RunEventType.RUN_CANCELLED} == ENDS - DERIVED

"""What every test of a walk has watched."""

from __future__ import annotations

import pytest

from services.walk import loop
from services.walk.steps import EXECUTORS
from tests.support.watched_steps import WatchedExecutors


@pytest.fixture(autouse=True)
def watched_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where an executor writes and is refused afterwards, as its protocol forbids."""
    monkeypatch.setattr(loop, "EXECUTORS", WatchedExecutors(EXECUTORS))

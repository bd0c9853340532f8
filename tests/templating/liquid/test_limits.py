"""The budget of a rendering: what counts against it, and what does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import thread_time

import pytest

from templating.limits import Budget, Limits, LiquidError
from templating.liquid.environment import render_text
from tests.support.tracing import untraced

LOOP = "{% for i in (1..4000) %}{{ i | plus: 1 | times: 2 | append: 'x' | size }}{% endfor %}"


class Clocks:
    """The time and the CPU time that a budget sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = 1_000.0
        self.cpu = 5.0
        monkeypatch.setattr("templating.limits.monotonic", lambda: self.time)
        monkeypatch.setattr("templating.limits.thread_time", lambda: self.cpu)


def test_waiting_is_no_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rendering that waits for the processor for an hour has used up nothing."""
    clocks = Clocks(monkeypatch)
    budget = Budget(Limits(seconds=1.0))
    for _ in range(10):
        clocks.time += 360
        clocks.cpu += 0.09
        budget.spend()
    clocks.time += 0.2
    clocks.cpu += 0.2
    with pytest.raises(LiquidError, match="takes too long"):
        budget.spend()


@untraced
def test_many_threads_at_once_do_not_fail_each_other() -> None:
    """Six renderings at once, each well inside its limit, all succeed."""
    start = thread_time()
    render_text(LOOP, {})
    # Together they take six times as long as one alone, but no one takes more CPU time than alone.
    limits = Limits(seconds=3 * (thread_time() - start))
    together = Barrier(6)

    def render(_: int) -> str:
        together.wait()
        return render_text(LOOP, {}, limits)

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(render, range(6)))) == 1

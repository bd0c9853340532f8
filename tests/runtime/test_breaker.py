"""A breaker opens after failures in a row, and closes with the first success."""

from __future__ import annotations

from runtime.breaker import Breaker


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_breaker_opens_after_several_failures_in_a_row() -> None:
    """A success in between keeps it closed, and one closes it again."""
    breaker = Breaker(failures=3, pause=1.0, clock=_Clock())
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert not breaker.is_open
    for _ in range(3):
        breaker.failed()
    assert breaker.is_open
    breaker.succeeded()
    assert breaker.lets_through()


def test_open_breaker_lets_one_probe_through_each_pause() -> None:
    """While it is open only one caller a pause tries; a probe that fails changes nothing."""
    clock = _Clock()
    breaker = Breaker(failures=1, pause=1.0, clock=clock)
    breaker.failed()
    assert [breaker.lets_through() for _ in range(3)] == [False] * 3
    clock.now = 1.0
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.failed()
    clock.now = 2.0
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]

"""How long, how hard and with which dice a crash test runs."""

from __future__ import annotations

from dataclasses import dataclass

PARTS = ("api", "worker", "temporal", "postgres", "smtp")
# Its end is the end of every part at once.
SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One crash test; times are in seconds.

    Attributes:
        kills: how many processes are killed; the first of them hit every part once.
        seed: of every random choice.
        kill_supervisor: whether everything may be killed at once, too.
        pauses: least and most time between two kills.
        pace: mean time between two triggers.
        large_triggers: how many triggers have 200 recipients.
        terminated_fan_outs: how many of their fan-outs are terminated, if caught under way.
        calm: most time that the product may take, after the last kill, to finish everything.
        schedules: how many schedules are due while parts die.
        patience: how long a client repeats one request before it counts as never answered.
    """

    kills: int
    seed: int
    kill_supervisor: bool = False
    pauses: tuple[float, float] = (1.0, 5.0)
    pace: float = 0.35
    large_triggers: int = 2
    terminated_fan_outs: int = 1
    calm: float = 150.0
    schedules: int = 100
    patience: float = 90.0


def short_plan(seed: int) -> Plan:
    """Return the form that every test run takes: each part once, and a worker and the API again."""
    return Plan(kills=7, seed=seed, pauses=(0.8, 3.0), large_triggers=2, calm=75.0, patience=60.0)


def long_plan(kills: int, seed: int) -> Plan:
    """Return a form with any number of kills."""
    schedules = min(10_000, 200 * kills)
    return Plan(
        kills=kills,
        seed=seed,
        kill_supervisor=True,
        schedules=schedules,
        # Each is a run; a small machine does some thirty of them a second.
        calm=150.0 + schedules / 25,
        large_triggers=2 + kills // 5,
        terminated_fan_outs=1 + kills // 10,
    )

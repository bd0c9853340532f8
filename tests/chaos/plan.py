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
        schedules: how many schedules are due while parts die.
        batched: how many items each variant of the batch storm has.
        throttled: how many runs meet the throttle.
        entered: how many triggers there are of workflows that each may enter once.
        followers: how many people follow the objects that are triggered for.
        bulk_users: how many users each bulk operation has.
        patience: how long a client repeats one request before it counts as never answered.
    """

    kills: int
    seed: int
    kill_supervisor: bool = False
    pauses: tuple[float, float] = (1.0, 5.0)
    pace: float = 0.35
    large_triggers: int = 2
    terminated_fan_outs: int = 1
    schedules: int = 100
    batched: int = 56
    throttled: int = 40
    entered: int = 24
    followers: int = 60
    bulk_users: int = 200
    patience: float = 90.0

    @property
    def expected_seconds(self) -> float:
        """Return about how long parts die: the storms spread what they ask over that time."""
        return self.kills * sum(self.pauses) / 2

    @property
    def calm(self) -> float:
        """Return the most time that the product may take, after the last kill, to end everything.

        A small machine that does something else as well completes some fifteen runs in a second.
        """
        of_storms = 4 * self.batched + self.throttled + 5 * self.entered + 3 * self.followers
        runs = self.schedules + of_storms + 200 * self.large_triggers
        return 75.0 + runs / 15


def short_plan(seed: int) -> Plan:
    """Return the form that every test run takes: each part once, and a worker and the API again."""
    return Plan(kills=7, seed=seed, pauses=(0.8, 3.0), large_triggers=2, patience=60.0)


def long_plan(kills: int, seed: int) -> Plan:
    """Return a form with any number of kills; from twenty on its storms have their full strength.

    That is 1,000 items in each variant of the batch storm, and 10,000 schedules due in a minute.
    """
    share = min(1.0, kills / 20)
    return Plan(
        kills=kills,
        seed=seed,
        kill_supervisor=True,
        schedules=round(10_000 * share),
        batched=round(125 * share) * 8,
        throttled=round(50 * share) * 8,
        entered=round(50 * share) * 8,
        followers=round(1_000 * share),
        bulk_users=round(1_000 * share),
        large_triggers=2 + kills // 5,
        terminated_fan_outs=1 + kills // 10,
    )

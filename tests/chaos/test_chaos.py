"""The short form of the crash test; `make chaos N=…` runs the long one."""

from __future__ import annotations

import pytest

from tests.chaos.plan import short_plan
from tests.chaos.run import run_chaos


@pytest.mark.chaos
@pytest.mark.timeout(420)
async def test_every_promise_outlives_every_part() -> None:
    """Whatever is killed, what was answered 200 is done, once, and what was cancelled is not."""
    ledger = await run_chaos(short_plan(seed=11))
    print("\n".join(ledger.lines()))
    totals = ledger.totals()
    assert {kill.part.partition("-")[0] for kill in ledger.kills} >= {
        *("api", "worker", "temporal", "postgres")
    }
    assert totals["triggers answered 200"] == totals["triggers sent"] > 20
    assert totals["runs cancelled"] > 0

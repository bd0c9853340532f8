"""One crash test from the fresh stack to the ledger."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import psycopg
from knockapi import AsyncKnock

from tests.chaos import audit, rows
from tests.chaos.asking import Asker
from tests.chaos.killer import Killer
from tests.chaos.ledger import Ledger
from tests.chaos.load import Load
from tests.chaos.operator import Operator
from tests.chaos.plan import Plan
from tests.chaos.promises import Book
from tests.chaos.stack import Product, fresh_product
from tests.chaos.stalls import stall
from tests.chaos.storms import STORMS, Scene, Storm
from tests.chaos.workflows import publish_workflows

Say = Callable[[str], None]

_LEAD_SECONDS = 1.5
_LOOK_SECONDS = 0.5


class PromisesBroken(AssertionError):
    """The product did not keep its word; the ledger says where."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__("\n".join(ledger.lines()))
        self.ledger = ledger


async def run_chaos(plan: Plan, say: Say = print) -> Ledger:
    """Run one crash test on a fresh product.

    Raises:
        PromisesBroken: carries the ledger; the data folder of the product is kept.
    """
    say(f"Starting a fresh stack (seed {plan.seed}, {plan.kills} kills) …")
    async with fresh_product() as product:
        ledger = await _test(product, plan, say)
        if ledger.broken:
            raise PromisesBroken(ledger)
    return ledger


async def _test(product: Product, plan: Plan, say: Say) -> Ledger:
    stack = product.described
    await publish_workflows(
        stack, {key: each for storm in STORMS for key, each in storm.WORKFLOWS.items()}
    )
    book = Book()
    key = stack.environments["development"].secret_key
    async with (
        AsyncKnock(api_key=key, base_url=stack.api_url, max_retries=0, timeout=15.0) as client,
        AsyncExitStack() as exits,
    ):
        asker = Asker(client, plan, book, random.Random(f"asker {plan.seed}"))
        load = Load(asker)
        killer = Killer(product, plan, crowd=load.want_large, say=say)
        operator = Operator(product, count=plan.terminated_fan_outs, say=say)
        storms = [storm(Scene(asker, stack, exits)) for storm in STORMS]
        for storm in storms:
            await storm.prepare()
        await _torment(killer, load, operator, storms)
        calm_seconds = await _wait_for_calm(product, plan, operator, say)
        stalled = await stall(product, say)
        await _wait_for_calm(product, plan, operator, say)
        found = await audit.find(client, stack)
        blown = [line for storm in storms for line in await storm.broken()]
    broken = stalled + blown
    broken += audit.broken_promises(book, found)
    broken += await audit.broken_triggers(stack.database_url, book)
    broken += await rows.half_done_rows(stack.database_url)
    broken += await audit.broken_executions(stack, expected=operator.terminated)
    broken += [f"{kill.part} never came back" for kill in killer.kills if kill.serving_ms is None]
    counts = {name: count for storm in storms for name, count in storm.counts.items()}
    return Ledger(plan, killer.kills, book, found, counts, calm_seconds, broken)


async def _torment(killer: Killer, load: Load, operator: Operator, storms: Sequence[Storm]) -> None:
    """Kill while the load runs; the load goes on for a moment after everything is back."""
    stop = asyncio.Event()
    asking = asyncio.gather(load.run(stop), operator.run(stop), *(storm.rage() for storm in storms))
    await asyncio.sleep(_LEAD_SECONDS)
    try:
        await killer.run()
        await asyncio.sleep(_LEAD_SECONDS)
    finally:
        stop.set()
        await asking


async def _wait_for_calm(product: Product, plan: Plan, operator: Operator, say: Say) -> float:
    """Return after how many seconds nothing was open any more; at most after the plan's bound."""
    began = time.monotonic()
    unrest: dict[str, int] = {}
    while time.monotonic() - began < plan.calm:
        unrest = await _unrest(product, operator)
        if not any(unrest.values()):
            return time.monotonic() - began
        await asyncio.sleep(_LOOK_SECONDS)
    say(f"Not calm after {plan.calm:g} s: {unrest}")
    return time.monotonic() - began


async def _unrest(product: Product, operator: Operator) -> dict[str, int]:
    """Count what is still open, in PostgreSQL and in Temporal."""
    stack = product.described
    try:
        counts: dict[str, int] = dict((await rows.fetch(stack.database_url, rows.UNREST))[0])
    except psycopg.OperationalError:
        return {"database": 1}
    if not any(counts.values()):
        counts["executions"] = len(
            await audit.broken_executions(stack, expected=operator.terminated)
        )
    return counts

"""Measure everything and print it: `make bench`, or `python -m bench --only in-app,email`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import common_lists, content, footprint, functions, latency, many, throughput, writes
from bench.report import Result, table, write
from bench.session import Scale, Session, session

_USUAL = Scale()
_RESULTS = Path(__file__).parent / "results"
# In this order. Latency first: a stack that has just worked hard is not idle.
_PARTS: dict[str, Callable[[Session], Awaitable[list[Result]]]] = {
    "idle": latency.measure_idle,
    "trigger": latency.measure_trigger_request,
    "history": footprint.measure_history,
    "statements": footprint.measure_statements,
    "in-app": throughput.measure_in_app,
    "email": throughput.measure_email,
    "six": throughput.measure_six_steps,
    "thousand": throughput.measure_thousand,
    "workers": throughput.measure_two_workers,
    "writes": writes.measure_writes,
    "batch": functions.measure_batches,
    "gather": functions.measure_gathering,
    "throttle": functions.measure_throttle,
    "fetch": functions.measure_fetch,
    "preferences": functions.measure_preferences,
    "render": content.measure_rendering,
    "publish": content.measure_publishing,
    "what-if": content.measure_what_if,
    "schedules": many.measure_schedules,
    "sleepers": many.measure_sleepers,
    "lists": common_lists.measure_lists,
}


async def measure(only: set[str], scale: Scale) -> list[Result]:
    """Run the chosen parts on one fresh stack."""
    async with session(workers=1, scale=scale) as opened:
        results: list[Result] = []
        for part, measure_part in _PARTS.items():
            if part in only:
                for result in await measure_part(opened):
                    print(f"  {_line(result)}", flush=True)
                    results.append(result)
        return results


def _line(result: Result) -> str:
    ratio = "" if result.ratio is None else f", {result.ratio:.4g} of its floor"
    return f"{result.name}: {result.value:.4g} {result.unit}{ratio}"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(_PARTS), help=f"of {', '.join(_PARTS)}")
    parser.add_argument(
        "--sleepers", type=int, default=_USUAL.sleepers, help="runs that sleep at once"
    )
    parser.add_argument(
        "--schedules", type=int, default=_USUAL.schedules, help="schedules that wait"
    )
    arguments = parser.parse_args()
    chosen = set(arguments.only.split(","))
    if unknown := chosen - set(_PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    print("Measuring on a fresh stack; all of it takes about twenty-five minutes.", flush=True)
    scale = Scale(sleepers=arguments.sleepers, schedules=arguments.schedules)
    results = asyncio.run(measure(chosen, scale))
    write(results, _RESULTS)
    print()
    print(table(results))
    print(f"\n{_RESULTS / 'latest.json'}\n{_RESULTS / 'latest.svg'}")


if __name__ == "__main__":
    main()

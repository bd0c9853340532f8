"""Measure everything and print it: `make bench`, or `python -m bench --only in-app,email`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from bench import footprint, latency, reads, throughput
from bench.report import Result, judged, table, write
from bench.session import Session, session
from commands.dev.client import DevStack
from runtime.settings import child_environment

_RESULTS = Path(__file__).parent / "results"
_CORES_FOR_TWO = 4
PARTS = (
    "in-app",
    "email",
    "six",
    "thousand",
    "trigger",
    "idle",
    "history",
    "statements",
    "workers",
    "memory",
    "lists",
)


async def measure(only: set[str]) -> list[Result]:
    """Run the chosen parts on one fresh stack."""
    async with session(workers=1) as opened:
        results: list[Result] = []
        # Latency first: a stack that has just worked hard is not idle.
        if "idle" in only:
            results += _told(await latency.measure_idle(opened))
        if "trigger" in only:
            results += _told(await latency.measure_trigger_request(opened))
        if "history" in only:
            results += _told(await footprint.measure_history(opened))
        if "statements" in only:
            results += _told(
                await footprint.measure_statements(opened, _postgres_log(opened.stack))
            )
        results += await _throughputs(opened, only)
        if "memory" in only:
            results += _told(await footprint.measure_sleepers(opened))
        if "lists" in only:
            results += _told(await reads.measure_lists(opened))
        return results


async def _throughputs(opened: Session, only: set[str]) -> list[Result]:
    results: list[Result] = []
    if "in-app" in only:
        results += _told(await throughput.measure_in_app(opened))
    if "email" in only:
        results += _told(await throughput.measure_email(opened))
    if "six" in only:
        results += _told(await throughput.measure_six_steps(opened))
    if "thousand" in only:
        results += _told(await throughput.measure_thousand(opened))
    if "workers" in only:
        results += _told(await _two_workers(opened))
    return results


async def _two_workers(opened: Session) -> list[Result]:
    """Two worker processes against one, in turns."""
    one, two = [], []
    for _ in range(throughput.ROUNDS):
        one.append(await throughput.product_rate(opened, "bench-in-app", 600))
        async with _second_worker(opened.stack):
            two.append(await throughput.product_rate(opened, "bench-in-app", 600))
    base, value = statistics.median(one), statistics.median(two)
    # Server, database, client and one worker fill two cores: a second worker has none to run on.
    has_free_cores = (os.cpu_count() or 1) >= _CORES_FOR_TWO
    return [
        judged(
            "two worker processes / one",
            value,
            "runs/s",
            floor=base,
            ratio=value / base,
            at_least=1.0 if has_free_cores else None,
        )
    ]


@contextlib.asynccontextmanager
async def _second_worker(stack: DevStack) -> AsyncIterator[None]:
    home = Path(stack.mail_dir).parent
    ready = home / "second-worker-ready"
    ready.unlink(missing_ok=True)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "commands.cli",
        "worker",
        env=child_environment(
            CARILLON_DATABASE_URL=stack.database_url,
            CARILLON_TEMPORAL_ADDRESS=stack.temporal_address,
            CARILLON_READY_FILE=str(ready),
            CARILLON_SECRET_KEY=(home / "secret.key").read_text().strip(),
            CARILLON_LOG_LEVEL="error",
        ),
    )
    try:
        async with asyncio.timeout(60):
            while not ready.exists():
                await asyncio.sleep(0.1)
        yield
    finally:
        child.terminate()
        await child.wait()


def _postgres_log(stack: DevStack) -> Path:
    return Path(stack.mail_dir).parent / "logs" / "postgres.log"


def _told(results: list[Result]) -> list[Result]:
    for result in results:
        print(f"  {result.name}: {result.value:.4g} {result.unit}", flush=True)
    return results


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    chosen = set(parser.parse_args().only.split(","))
    if unknown := chosen - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    print("Measuring on a fresh stack; all of it takes about ten minutes.", flush=True)
    results = asyncio.run(measure(chosen))
    write(results, _RESULTS)
    print()
    print(table(results))
    print(f"\n{_RESULTS / 'latest.json'}\n{_RESULTS / 'latest.svg'}")


if __name__ == "__main__":
    main()

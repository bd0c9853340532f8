"""`python -m tests.fuzz --requests N`: send N requests of our documents, and judge each answer."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from runtime.logs import configure_logs
from runtime.settings import Settings
from tests.fuzz.requests import Fuzzer, Tally
from tests.fuzz.target import target_on
from tests.support.account import Seeded
from tests.support.postgres import new_database, running_cluster

# Requests of each kind to each operation, before what was destroyed is made again.
_EXAMPLES = 10


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="how many to send")
    parser.add_argument("--seed", type=int, help="repeats the requests of an earlier run")
    return parser.parse_args()


async def _fuzz(seeded: Seeded, wanted: int, seed: int) -> Tally:
    tally = Tally(lambda fault: print(fault, flush=True))
    async with target_on(seeded) as target:
        fuzzers = [Fuzzer(face, target.address, tally) for face in target.faces]
        while tally.sent < wanted:
            for fuzzer in fuzzers:
                await asyncio.to_thread(fuzzer.round, _EXAMPLES, seed)
            print(f"{tally.sent} of {wanted} requests, {len(tally.faults)} faults", flush=True)
            await target.fill()
            seed += 1
        for fuzzer in fuzzers:
            fuzzer.close()
    return tally


def main() -> int:
    """Run until enough was sent, and return the exit code: 1 when something was wrong."""
    arguments = _arguments()
    seed = random.randrange(1_000_000) if arguments.seed is None else arguments.seed
    configure_logs(Settings(log_level="error"), process="fuzz")
    print(f"seed {seed}", flush=True)
    with running_cluster() as server:
        seeded = Seeded.on(new_database(server))
        tally = asyncio.run(_fuzz(seeded, arguments.requests, seed))
    print(dict(sorted(tally.statuses.items())))
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.chaos --kills N`: kill N processes of a whole stack and check every promise."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from pathlib import Path

from tests.chaos.plan import long_plan
from tests.chaos.run import PromisesBroken, run_chaos


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how many processes to kill")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier test")
    parser.add_argument("--report", type=Path, help="write the ledger to this file, as JSON")
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Run the long form and return the exit code: 1 when a promise was broken."""
    arguments = _arguments()
    seed = random.randrange(1_000_000) if arguments.seed is None else arguments.seed
    try:
        ledger = asyncio.run(run_chaos(long_plan(arguments.kills, seed), _say))
    except PromisesBroken as error:
        ledger = error.ledger
    _say("\n".join(ledger.lines()))
    if arguments.report is not None:
        ledger.write(arguments.report)
    return 1 if ledger.broken else 0


if __name__ == "__main__":
    sys.exit(main())

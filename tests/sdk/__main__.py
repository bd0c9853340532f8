"""`python -m tests.sdk`: let Knock's SDKs try the product.

Each SDK is a part. It is fetched from its package registry each time, so nothing of it is kept
here, or named by `--sources`; a part whose language or SDK is not to be had is skipped, and says
why.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from runtime.logs import configure_logs
from runtime.settings import Settings
from tests.sdk.go_part import try_go
from tests.sdk.java_part import try_java
from tests.sdk.node_part import try_management_node, try_node
from tests.sdk.parts import Missing, Trial
from tests.sdk.python_part import try_management_python, try_python
from tests.sdk.target import target_on
from tests.support.account import Seeded
from tests.support.postgres import new_database, running_cluster

PARTS: Mapping[str, Callable[[Trial], Awaitable[int]]] = {
    "python": try_python,
    "python-mgmt": try_management_python,
    "go": try_go,
    "java": try_java,
    "node": try_node,
    "node-mgmt": try_management_node,
}


async def try_parts(seeded: Seeded, given: argparse.Namespace) -> int:
    """Run parts one after the other on a seeded database; return 1 when one has failed."""
    failed = False
    async with target_on(seeded) as target:
        for name in given.parts or PARTS:
            with tempfile.TemporaryDirectory() as folder:
                trial = Trial(
                    target=target,
                    folder=Path(folder),
                    sources=given.sources,
                    arguments=given.arguments,
                )
                try:
                    code = await PARTS[name](trial)
                except Missing as reason:
                    print(f"{name}: skipped, {reason}", flush=True)
                    continue
            print(f"{name}: {'failed' if code else 'passed'}", flush=True)
            failed |= code != 0
            await asyncio.to_thread(target.restore)
    return int(failed)


def main() -> int:
    """Serve, fetch and run; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.sdk", description=__doc__)
    parser.add_argument(
        "--part", dest="parts", action="append", choices=PARTS, help="one of them; all by default"
    )
    parser.add_argument(
        "--sources", type=Path, help="a checkout of the SDK, in the place of the published one"
    )
    parser.add_argument("arguments", nargs="*", help="what the part's own runner of tests is told")
    given = parser.parse_args()
    if (given.sources or given.arguments) and len(given.parts or ()) != 1:
        parser.error("sources and arguments are of one SDK: name it with --part")
    configure_logs(Settings(log_level="error"), process="sdk")
    with running_cluster() as server:
        seeded = Seeded.on(new_database(server))
        return asyncio.run(try_parts(seeded, given))


if __name__ == "__main__":
    sys.exit(main())

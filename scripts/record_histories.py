"""Record the histories that `tests/replay` replays: `python -m scripts.record_histories [NAME …]`.

With names only those scenarios are recorded: a new one is added beside the old ones.

Do so after a change of workflow code that is meant to change histories. What was recorded before
such a change stays under another name for as long as runs of that time may live.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime.database import Database
from tests.support.builders import Builder
from tests.support.postgres import new_database, running_cluster
from tests.support.product import running_product
from tests.support.scenarios import SCENARIOS, prepare
from tests.support.temporal_server import PRODUCT, client_of, running_temporal
from tests.support.world import World

HISTORIES = Path(__file__).resolve().parents[1] / "tests" / "replay" / "histories"


async def record(database_url: str, folder: Path, names: Sequence[str]) -> None:
    """Play scenarios on servers of its own, and write what Temporal kept of it."""
    database = Database(database_url, size=10)
    await database.open()
    make = Builder(database)
    async with running_temporal(folder) as address:
        client = await client_of(address, PRODUCT)
        async with running_product(database, client) as engine:
            for name in names:
                world = World(engine, make, await make.environment())
                await prepare(world)
                with SCENARIOS[name].counted():
                    history = await (await SCENARIOS[name].play(world)).fetch_history()
                document = _without_traces(history.to_json_dict())
                if (events := SCENARIOS[name].long_after) is not None:
                    _suggest_a_new_one(document, after=events)
                text = json.dumps(document, indent=1) + "\n"
                (HISTORIES / f"{name}.json").write_text(text)
                print(f"{name}: {len(history.events)} events")
    await database.close()


def _without_traces(value: Any) -> Any:
    """Leave out stack traces of failures: they name folders of this machine."""
    if isinstance(value, dict):
        kept = value.keys() - {"stackTrace"}
        return {key: _without_traces(part) for key, part in value.items() if key in kept}
    if isinstance(value, list):
        return [_without_traces(part) for part in value]
    return value


def _suggest_a_new_one(history: Any, *, after: int) -> None:
    """Write down of a history that counted as long what a server writes down of long ones."""
    for event in history["events"]:
        started = event.get("workflowTaskStartedEventAttributes")
        if started is not None and int(event["eventId"]) > after:
            started["suggestContinueAsNew"] = True


def main() -> None:
    """Run the servers and record."""
    with running_cluster() as postgres, tempfile.TemporaryDirectory() as folder:
        asyncio.run(record(new_database(postgres), Path(folder), sys.argv[1:] or [*SCENARIOS]))


if __name__ == "__main__":
    main()

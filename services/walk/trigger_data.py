"""The data of triggers for many, decoded once for each process instead of for each recipient."""

from __future__ import annotations

import json
from collections import OrderedDict
from uuid import UUID

from domain.kit.json_types import JsonObject
from models.queries.runs.walks import trigger_data
from runtime.database import Connection

# Of JSON text; decoded it takes a few times as much.
_MOST_CHARACTERS = 32_000_000


class TriggerData:
    """The most recently used data of triggers, up to a bound of their JSON's length.

    What a trigger carried never changes, so nothing has to be invalidated. Runs share the decoded
    values: nobody may change them in place.
    """

    def __init__(self, most: int = _MOST_CHARACTERS) -> None:
        self._most = most
        self._held = 0
        self._kept: OrderedDict[UUID, tuple[JsonObject, int]] = OrderedDict()

    async def get(self, connection: Connection, workflow_run_id: UUID) -> JsonObject:
        """Return the data of a trigger, loading it when this process does not have it."""
        known = self._kept.get(workflow_run_id)
        if known is not None:
            self._kept.move_to_end(workflow_run_id)
            return known[0]
        text = await trigger_data(connection, workflow_run_id)
        data: JsonObject = json.loads(text)
        if workflow_run_id not in self._kept:  # another walk may have loaded it meanwhile
            self._kept[workflow_run_id] = data, len(text)
            self._held += len(text)
        while self._held > self._most:
            _, (_, length) = self._kept.popitem(last=False)
            self._held -= length
        return data

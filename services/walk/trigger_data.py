"""The data of triggers for many, decoded once for each process instead of for each recipient."""

from __future__ import annotations

import json
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.kit.recent import Recent
from models.queries.runs.walks import trigger_data
from runtime.database import Connection

# Counted in JSON text; decoded it takes a few times as much.
_MOST_CHARACTERS = 32_000_000


class TriggerData:
    """The most recently used data of triggers, up to a bound of their JSON's length.

    What a trigger carried never changes, so nothing has to be invalidated. Runs share the decoded
    values: nobody may change them in place.
    """

    def __init__(self, most: int = _MOST_CHARACTERS) -> None:
        self._recent: Recent[UUID, JsonObject] = Recent(most)

    async def get(self, connection: Connection, workflow_run_id: UUID) -> JsonObject:
        """Return the data of a trigger, loading it when this process does not have it."""
        data = self._recent.get(workflow_run_id)
        if data is None:
            text = await trigger_data(connection, workflow_run_id)
            data = json.loads(text)
            self._recent.put(workflow_run_id, data, weight=len(text))
        return data

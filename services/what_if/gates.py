"""Whether a trigger would make a run at all: its data, and how often a recipient may enter."""

from __future__ import annotations

from uuid import UUID

from domain.kit.json_types import encoded_size
from domain.recipients.refs import RecipientRef
from domain.triggers.requests import is_rehearsed, is_sandboxed
from domain.what_if.rows import RunToWalk
from domain.workflows import WorkflowDefinition
from services.engine import Engine

_ENTERED = "the recipient has entered the workflow before"


class Gate:
    """Judges triggers as `services/triggers/resolving.py` does, for the runs of one world.

    Recipients who may enter once have entered with the first run of theirs that is walked, or, if
    they are of a script, before it.
    """

    def __init__(self) -> None:
        self._entered: set[tuple[str, RecipientRef, str, bool]] = set()
        # The runs of a trigger come one after the other, and share its data.
        self._judged: tuple[UUID, str | None] | None = None

    async def refuses(
        self, engine: Engine, run: RunToWalk, version_id: UUID, definition: WorkflowDefinition
    ) -> str | None:
        """Return why a trigger would not make a run, as a clause for people; None when it would."""
        taken = run.taken
        if self._judged is None or self._judged[0] != taken.workflow_run_id:
            fault = await _fault(engine, run, version_id, definition)
            self._judged = (taken.workflow_run_id, fault)
        if self._judged[1] is not None:
            return self._judged[1]
        if is_rehearsed(taken.source):
            return None
        once_for = definition.trigger_frequency.first_run_for(taken.tenant_id)
        if once_for is None:
            return None
        entry = (definition.key, taken.recipient_ref, once_for, is_sandboxed(taken.settings))
        if once_for in run.entered or entry in self._entered:
            return _ENTERED
        self._entered.add(entry)
        return None


async def _fault(
    engine: Engine, run: RunToWalk, version_id: UUID, definition: WorkflowDefinition
) -> str | None:
    """Return what in the data of a trigger breaks the workflow's schema."""
    schema = definition.trigger_data_json_schema
    if schema is None:
        return None
    try:
        compiled = engine.json_schemas.get(version_id, schema)
    except ValueError:
        return "the workflow's trigger_data_json_schema cannot be used"
    found = await compiled.violations(run.data, encoded_size(run.data))
    if not found:
        return None
    return f"the data does not match the workflow's schema at {found[0].field}"

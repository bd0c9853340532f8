"""The step that changes the data of a run: renders an object and lays it over the data."""

from __future__ import annotations

from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.shortened import shortened
from domain.runs.events import RunEventType
from domain.workflows.steps.update_data import UpdateDataStep
from services.walk.context import Walk
from services.walk.faults import ContentError, blaming
from services.walk.moves import NOT_MET, Done, Move, StepEvent, skip
from services.walk.steps.never_waits import NeverWaits
from services.walk.texts import render_settings
from templating.liquid.typed import ObjectTemplate

_MOST_BYTES = 1024 * 1024


class UpdateDataExecutor(NeverWaits):
    """Patches the data of the run (Knock docs: "Update data function")."""

    async def arrive(self, walk: Walk, step: UpdateDataStep) -> Move:
        """Render the patch. Raises ContentError when it is no object, or too large."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        with blaming("template"):
            template = ObjectTemplate(step.settings.data, "settings.data")
        patch = await render_settings(walk, template.sources, template.render, output=_MOST_BYTES)
        if encoded_size(patch) > _MOST_BYTES:
            raise ContentError("content", "a step may change at most 1 MB of the data")
        before = walk.run.data
        changes: JsonObject = {
            key: {"before": before.get(key), "after": value}
            for key, value in patch.items()
            if key not in before or before[key] != value
        }
        return Done(
            story=f"`{step.ref}` changed the data",
            event=StepEvent(RunEventType.DATA_UPDATED, {"changes": shortened(changes)}),
            patch=patch,
        )

"""The experiment step: goes into the branch of the recipient's cohort."""

from __future__ import annotations

from domain.conditions import MISSING, lookup
from domain.conditions.paths import is_path
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.workflows.steps.random_cohort import RandomCohortStep, bucket_of, cohort_of
from services.walk.context import Walk
from services.walk.faults import blaming
from services.walk.moves import NOT_MET, Into, Move, StepEvent, skip
from services.walk.steps.never_waits import NeverWaits
from services.walk.texts import render_settings
from templating.liquid.printing import to_text

# The event that tells of a key is for reading.
_MOST_OF_A_KEY = 256


class RandomCohortExecutor(NeverWaits):
    """Finds the cohort of a key, the same in every run (Knock docs: "Experiment function")."""

    async def arrive(self, walk: Walk, step: RandomCohortStep) -> Move:
        """Choose a cohort. Raises ContentError when conditions or key cannot be evaluated."""
        if not await walk.allows(step):
            return skip(step, NOT_MET, left_out=step.left_out(-1))
        # Where there is nothing that the key is made of, such as a tenant, the recipient counts.
        key = await _key(walk, step.cohort_key) or walk.run.ref.id
        bucket = bucket_of(walk.definition.key, step.ref, key)
        position = cohort_of(step, bucket)
        if position is None:
            reason = "its cohorts leave out some recipients"
            return skip(step, reason, left_out=step.left_out(-1))
        cohort = step.cohort_branches[position]
        name = cohort.name or f"cohort {position + 1}"
        told: JsonObject = {
            "cohort": name,
            "cohort_key": key[:_MOST_OF_A_KEY],
            "bucket": bucket,
            "percentages": [str(each.percentage) for each in step.cohort_branches],
            "terminates": cohort.terminates,
            "left_out": step.left_out(position),
        }
        return Into(
            story=f"`{step.ref}` goes into {name[:100]}",
            event=StepEvent(RunEventType.COHORT_SELECTED, told),
            branch=position,
        )


async def _key(walk: Walk, source: str | None) -> str:
    """Return what a key comes to: the value at a path, or what Liquid renders to."""
    if source is None:
        return ""
    if not is_path(source):
        text = await render_settings(walk, [source], lambda out: out.text(source, "cohort_key"))
        return text.strip()
    found = lookup(walk.scope(), source)
    with blaming("content"):
        return "" if found is MISSING else to_text(found)

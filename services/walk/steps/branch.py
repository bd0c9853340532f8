"""The branch step: judges its branches in order, and goes into the first that lets the run in."""

from __future__ import annotations

from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.workflows.steps.branch import BranchStep
from services.walk.context import Walk
from services.walk.moves import NOT_MET, Into, Move, StepEvent, skip
from services.walk.steps.never_waits import NeverWaits


class BranchExecutor(NeverWaits):
    """Chooses a branch when the run arrives (Knock docs: "Branch function")."""

    async def arrive(self, walk: Walk, step: BranchStep) -> Move:
        """Choose a branch. Raises ContentError when conditions cannot be judged."""
        if not await walk.allows(step):
            return skip(step, NOT_MET, left_out=step.left_out(-1))
        judged: list[JsonObject] = []
        for position, branch in enumerate(step.branches):
            name = branch.name or f"branch {position + 1}"
            verdict = None if branch.is_default else await walk.judge(branch.conditions)
            if verdict is not None:
                judged.append(
                    {"branch": name, "passed": verdict.passed, "conditions": verdict.trace}
                )
                if not verdict.passed:
                    continue
            told: JsonObject = {
                "branch": name,
                "is_default": branch.is_default,
                "terminates": branch.terminates,
                "judged": judged,
                "left_out": step.left_out(position),
            }
            return Into(
                story=f"`{step.ref}` goes into {name[:100]}",
                event=StepEvent(RunEventType.BRANCH_SELECTED, told),
                branch=position,
            )
        reason = "no branch's conditions are met, and there is no default"
        return skip(step, reason, left_out=step.left_out(-1), judged=judged)

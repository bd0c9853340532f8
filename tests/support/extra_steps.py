"""Steps that only tests have: they show what a walk can do before a real step needs it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from domain.contract.runs import SleepUntil
from domain.kit.json_types import JsonObject
from domain.workflows.steps import STEP_TYPES, BaseStep, Branch
from services import effects
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import Done, Halted, Into, Move, Waiting, Woken
from services.walk.steps import EXECUTORS


class ExtraStep(BaseStep):
    """Does what its settings say."""

    holds: ClassVar[str] = "branches"

    type: Literal["extra"] = "extra"
    does: str
    settings: JsonObject = Field(default_factory=dict)
    branches: list[Branch] = Field(default_factory=list)


@dataclass
class ExtraExecutor:
    """Takes extra steps, and notes what it was asked."""

    arrived: list[str] = field(default_factory=list)
    resumed: list[tuple[str, JsonObject]] = field(default_factory=list)

    async def arrive(self, walk: Walk, step: ExtraStep) -> Move:
        """Do what the step says."""
        self.arrived.append(step.ref)
        settings = step.settings
        move: Move = Done(story=step.ref)
        match step.does:
            case "patch":
                move = Done(story=step.ref, patch=settings)
            case "branch":
                move = Into(story=step.ref, branch=settings["branch"])
            case "halt":
                move = Halted(story=step.ref, reason="enough")
            case "owe":
                walk.journal.owe(settings["kind"], settings["payload"])
            case "fail":
                walk.journal.owe("nothing", {})
                raise ContentError("content", "it does not work")
            case "write":
                await _write_and_fail(walk, apart=settings.get("apart", False))
            case "fault":
                raise LookupError("a secret that nobody may read")
            case "raw":
                # Past the journal's cleaning, as a fault of ours would bring it.
                row = {"recipient_run_id": str(walk.run.id), "position": 99, "step_ref": "\x00"}
                walk.journal.rows.setdefault("run_patches", []).append({**row, "patch": {}})
            case "wait":
                move = Waiting(
                    story=step.ref,
                    record={"seen": sorted(walk.run.data)},
                    directive=SleepUntil(walk.unit.now.timestamp() + 60, "an extra wait"),
                )
        return move

    async def resume(self, walk: Walk, step: ExtraStep, kept: JsonObject, woken: Woken) -> Move:
        """Bring what the wait was for, or fail."""
        self.resumed.append((step.ref, kept))
        if step.settings.get("fails"):
            raise ContentError("content", "it does not work")
        return Done(story=step.ref, patch=step.settings.get("brings"))


async def _write_and_fail(walk: Walk, *, apart: bool) -> None:
    async with walk.unit.savepoint() if apart else nullcontext():
        await effects.owe(walk.unit, walk.run.environment_id, "nothing", {})
        raise ContentError("content", "it does not work")


def extra_step(ref: str, does: str, *branches: list[JsonObject], **settings: Any) -> JsonObject:
    """Write an extra step."""
    return {
        "type": "extra",
        "ref": ref,
        "does": does,
        "settings": settings,
        "branches": [{"steps": steps} for steps in branches],
    }


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> ExtraExecutor:
    """Let stored workflows have extra steps."""
    executor = ExtraExecutor()
    step_types: dict[str, Any] = STEP_TYPES
    executors: dict[Any, Any] = EXECUTORS
    monkeypatch.setitem(step_types, "extra", ExtraStep)
    monkeypatch.setitem(executors, ExtraStep, executor)
    return executor

"""Steps that only tests have: they show what a walk can do before a real step needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.contract.runs import SleepUntil
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations
from domain.workflows.steps import PARSERS, BaseStep, read_steps
from domain.workflows.steps.base import parse_common
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import Done, Halted, Into, Move, Waiting, Woken
from services.walk.steps import EXECUTORS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraStep(BaseStep):
    """Does what its settings say; `below` are its branches."""

    step_type = "extra"

    does: str
    settings: JsonObject
    below: tuple[tuple[BaseStep, ...], ...] = ()

    def branches(self) -> tuple[tuple[BaseStep, ...], ...]:
        """Return the branches."""
        return self.below


def _parse(raw: JsonObject, field_name: str, violations: Violations) -> ExtraStep:
    branches: list[JsonValue] = raw.get("branches") or []
    return ExtraStep(
        **parse_common(raw, field_name, violations),
        does=raw["does"],
        settings=raw.get("settings") or {},
        below=tuple(read_steps(branch) for branch in branches),
    )


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


def extra_step(ref: str, does: str, *branches: list[JsonObject], **settings: Any) -> JsonObject:
    """Write an extra step."""
    return {
        "type": "extra",
        "ref": ref,
        "does": does,
        "settings": settings,
        "branches": list(branches),
    }


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> ExtraExecutor:
    """Let stored workflows have extra steps."""
    executor = ExtraExecutor()
    monkeypatch.setitem(PARSERS, "extra", _parse)
    monkeypatch.setitem(EXECUTORS, ExtraStep, executor)
    return executor

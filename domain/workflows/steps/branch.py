"""The branch step: which of several ways a run goes (Knock docs: "Branch function")."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo
from pydantic.functional_validators import AfterValidator

from domain.kit.errors import FieldError
from domain.kit.shapes import refusal
from domain.workflows.steps.base import BaseStep, Branch, Conditions, is_lenient

MAX_BRANCHES = 10


class ConditionalBranch(Branch):
    """Steps that are taken when conditions hold."""

    conditions: Conditions = Field(
        None, description="Every branch has conditions except the last one, which is the default."
    )

    @property
    def is_default(self) -> bool:
        """Tell whether nothing is asked of a run that takes the branch."""
        return self.conditions is None or not self.conditions.members


def _with_default(
    branches: list[ConditionalBranch], info: ValidationInfo
) -> list[ConditionalBranch]:
    """Refuse branches that could never be taken, and a run that could find none."""
    last = len(branches) - 1
    wrong = [
        FieldError(
            f"[{position}].conditions",
            "must be null: the last branch is the default"
            if position == last
            else "is required: only the last branch, the default, has none",
        )
        for position, branch in enumerate(branches)
        if branch.is_default is not (position == last)
    ]
    if wrong and not is_lenient(info):
        raise refusal(wrong)
    return branches


class BranchStep(BaseStep):
    """Take the first branch whose conditions hold, or else the last, which has none."""

    holds: ClassVar[str] = "branches"

    type: Literal["branch"] = "branch"
    branches: Annotated[
        list[ConditionalBranch],
        Field(min_length=2, max_length=MAX_BRANCHES),
        AfterValidator(_with_default),
    ]

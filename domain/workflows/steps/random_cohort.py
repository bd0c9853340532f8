"""The experiment step: each recipient has its cohort by chance, and keeps it.

Source: Knock docs, "Experiment function". The hash is ours: Knock does not publish its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo
from pydantic.functional_validators import AfterValidator

from domain.kit.authored import ChannelTypes, Template
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Absent, JudgedBy, Wrong, refusal
from domain.workflows.steps.base import BaseStep, Branch, is_lenient, raw_branches

MAX_COHORTS = 10
# A share has one decimal, so a thousand buckets tell all shares apart.
BUCKETS = 1000
_SHARE = re.compile(r"[0-9]{1,3}(?:\.[0-9])?")


def _share(raw: JsonValue, _info: ValidationInfo) -> Decimal:
    if raw is None:
        raise Absent("is required")
    text = _written(raw)
    if not isinstance(text, str) or not _SHARE.fullmatch(text) or Decimal(text) > 100:
        raise Wrong("must be a number from 0 to 100 with at most one decimal")
    return Decimal(text)


def _written(raw: JsonValue) -> JsonValue:
    """Write a share as Knock's API does, as a string; what is no number stays as it is."""
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
    return str(raw).removesuffix(".0") if is_number else raw


def _absent() -> Any:
    """Stand for a share that is not there, and is judged like one that is null."""
    return None


class CohortBranch(Branch):
    """Steps that are taken by the members of a cohort."""

    percentage: Annotated[Decimal, JudgedBy(_share, {"type": ["string", "number"]})] = Field(
        default_factory=_absent,
        validate_default=True,
        description='Share of the recipients in percent, such as `"33.3"`.',
    )


def _whole(cohorts: list[CohortBranch], info: ValidationInfo) -> list[CohortBranch]:
    total = sum(cohort.percentage for cohort in cohorts)
    if total != 100 and not is_lenient(info):
        raise refusal([FieldError("", f"must have percentages that sum to 100, not {total}")])
    return cohorts


class RandomCohortStep(BaseStep):
    """Take the branch of the cohort that the recipient, or another key, belongs to."""

    holds: ClassVar[str] = "cohort_branches"

    type: Literal["random_cohort"] = "random_cohort"
    cohort_key: str | None = Field(
        None,
        description=(
            "A path such as `tenant.id`, or Liquid: recipients with the same value share "
            "the cohort. Default: the recipient's id."
        ),
    )
    cohort_branches: Annotated[
        list[CohortBranch],
        Field(min_length=2, max_length=MAX_COHORTS),
        AfterValidator(_whole),
    ]

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the key."""
        if self.cohort_key is not None:
            yield Template(f"{place}.cohort_key", self.cohort_key)

    @classmethod
    def complete(cls, raw: JsonObject, channel_types: ChannelTypes) -> None:
        """Write shares that were given as numbers as strings."""
        for _place, cohort in raw_branches(raw, ""):
            if "percentage" in cohort:
                cohort["percentage"] = _written(cohort["percentage"])


def bucket_of(workflow_key: str, step_ref: str, cohort_key: str) -> int:
    """Return where a key lies in a step, from 0 to 999; the same in every run."""
    digest = hashlib.sha256(f"{workflow_key}|{step_ref}|{cohort_key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def cohort_of(step: RandomCohortStep, bucket: int) -> int | None:
    """Return which cohort has a bucket; None when a stored step has left it to none."""
    end = Decimal(0)
    for position, cohort in enumerate(step.cohort_branches):
        end += cohort.percentage * 10
        if bucket < end:
            return position
    return None

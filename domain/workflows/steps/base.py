"""What every step of a workflow has in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.conditions import ConditionGroup, parse_condition_group, read_condition_group
from domain.kit.authored import ChannelTypes, FileFields, Reference, Template
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import JudgedBy, Shape, Wrong, refusal

if TYPE_CHECKING:
    # Steps of any type, read by `nested_steps`: the package gives it to the shapes that hold steps.
    from domain.workflows.steps import NestedSteps

# A ref is a segment of the paths `refs.<ref>.…`, hence no dots and no blanks.
REF = re.compile(r"[A-Za-z0-9_-]{1,255}")
# The members under which steps hold branches.
BRANCH_MEMBERS = ("branches", "cohort_branches")


def _no_steps(_raw: JsonValue) -> tuple[BaseStep, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How a step is read; the context of pydantic while it does.

    Attributes:
        is_lenient: whether it was stored, and is not a draft that is checked. What can be judged
            when the step is taken, its template and conditions above all, is not judged then.
        nested: reads the steps of a branch. Raises InvalidParams with places relative to them.
    """

    is_lenient: bool = False
    nested: Callable[[JsonValue], tuple[BaseStep, ...]] = _no_steps


def is_lenient(info: ValidationInfo) -> bool:
    """Tell whether a stored step is read, rather than a draft checked."""
    return isinstance(info.context, Reading) and info.context.is_lenient


def _conditions(raw: JsonValue, info: ValidationInfo) -> ConditionGroup | None:
    if isinstance(raw, ConditionGroup):
        return raw
    if is_lenient(info):
        return read_condition_group(raw)
    return parse_condition_group(raw, "")


def _ref(ref: str) -> str:
    if not ref:
        raise Wrong("is required")
    if not REF.fullmatch(ref):
        raise Wrong("must be 1 to 255 letters, digits, underscores or hyphens")
    return ref


def _about(raw: JsonValue, info: ValidationInfo) -> JsonValue:
    """A name is for people; one that cannot be read keeps no stored step from its work."""
    return None if is_lenient(info) and not isinstance(raw, str) else raw


CONDITIONS = {"type": ["object", "null"], "description": "`all` or `any` of conditions."}
Conditions = Annotated[ConditionGroup | None, JudgedBy(_conditions, CONDITIONS)]
_About = Annotated[str | None, BeforeValidator(_about)]


class BaseStep(Shape):
    """One step of a workflow."""

    type: str
    ref: Annotated[str, AfterValidator(_ref)] = Field(
        description="Unique in the workflow; conditions and run events refer to the step by it."
    )
    name: _About = Field(None, description="For people.")
    description: _About = Field(None, description="For people.")
    conditions: Conditions = None

    # The member that has its branches, one of `BRANCH_MEMBERS`.
    holds: ClassVar[str] = ""

    def held(self) -> tuple[Branch, ...]:
        """Return the branches; a step that leads nowhere but behind itself has none."""
        return tuple(getattr(self, self.holds)) if self.holds else ()

    def left_out(self, taken: int) -> list[str]:
        """Return the refs of the steps in all branches but the one that is taken."""
        return [
            step.ref
            for position, branch in enumerate(self.held())
            if position != taken
            for _place, step in all_steps(branch.steps)
        ]

    def references(self, place: str) -> Iterator[Reference]:
        """Yield what the step refers to outside the workflow; `place` is where it stands."""
        yield from ()

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the step's Liquid sources; `place` is where it stands."""
        yield from ()

    def schemas(self, place: str) -> Iterator[tuple[str, JsonObject]]:
        """Yield the step's JSON Schemas; `place` is where it stands."""
        yield from ()

    def files(self, place: str) -> Iterator[tuple[str, FileFields]]:
        """Yield the step's objects that have members for files of their own."""
        yield from ()

    @classmethod
    def complete(cls, raw: JsonObject, channel_types: ChannelTypes) -> None:
        """Write into a draft of the step what its author may leave out."""


def nested_steps(
    raw: JsonValue, _union: Callable[[Any], Any], info: ValidationInfo
) -> tuple[BaseStep, ...]:
    """Read steps by the functions that read those of a workflow; their union only documents."""
    if isinstance(raw, tuple):
        return raw
    reading = info.context if isinstance(info.context, Reading) else Reading()
    try:
        return reading.nested(raw)
    except InvalidParams as refused:
        raise refusal(refused.errors) from None


class Branch(Shape):
    """Steps of which a run takes all or none."""

    name: _About = Field(
        None, description="For human readers; run events refer to the branch by it."
    )
    steps: NestedSteps = Field((), description="In order; a branch may be empty.")
    terminates: bool = Field(False, description="Whether the run ends after these steps.")


def all_steps(steps: tuple[BaseStep, ...], place: str = "steps") -> Iterator[tuple[str, BaseStep]]:
    """Yield every step with its place, such as `steps[1].branches[0].steps[2]`, in depth."""
    for index, step in enumerate(steps):
        here = f"{place}[{index}]"
        yield here, step
        for position, branch in enumerate(step.held()):
            yield from all_steps(branch.steps, f"{here}.{step.holds}[{position}].steps")


def raw_branches(step: JsonObject, place: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield the branches in the JSON of a step, each with its place."""
    for member in BRANCH_MEMBERS:
        branches = step.get(member)
        for position, branch in enumerate(branches if isinstance(branches, list) else ()):
            if isinstance(branch, dict):
                yield f"{place}.{member}[{position}]", branch


def raw_steps(steps: JsonValue, place: str = "steps") -> Iterator[tuple[str, JsonObject]]:
    """Yield the JSON of every step with its place, for example `steps[1].branches[0].steps[2]`.

    Branches are walked in depth. What is not a step is passed over: the check reports it.
    """
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict):
            here = f"{place}[{index}]"
            yield here, step
            for there, branch in raw_branches(step, here):
                yield from raw_steps(branch.get("steps"), f"{there}.steps")

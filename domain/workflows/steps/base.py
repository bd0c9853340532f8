"""What every step of a workflow has in common."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, ValidationInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.conditions import ConditionGroup, parse_condition_group, read_condition_group
from domain.kit.authored import ChannelTypes, FileFields, Reference, Template
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import JudgedBy, Shape, Wrong, refusal

# A ref is a segment of the paths `refs.<ref>.…`, hence no dots and no blanks.
REF = re.compile(r"[A-Za-z0-9_-]{1,255}")
# The context of pydantic when a stored step is read. What can be judged when the step is taken, its
# template and conditions above all, is not judged then.
LENIENT = "lenient"


def is_lenient(info: ValidationInfo) -> bool:
    """Tell whether a stored step is read, rather than a draft checked."""
    return info.context == LENIENT


def _conditions(raw: JsonValue, info: ValidationInfo) -> ConditionGroup | None:
    if isinstance(raw, ConditionGroup):
        return raw
    if is_lenient(info):
        return read_condition_group(raw)
    try:
        return parse_condition_group(raw, "")
    except InvalidParams as refused:
        raise refusal(refused.errors) from None


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
_About = Annotated[str | None, BeforeValidator(_about)]


class BaseStep(Shape):
    """One step of a workflow."""

    type: str
    ref: Annotated[str, AfterValidator(_ref)] = Field(
        description="Unique in the workflow; conditions and run events name the step by it."
    )
    name: _About = Field(None, description="For people.")
    description: _About = Field(None, description="For people.")
    conditions: Annotated[ConditionGroup | None, JudgedBy(_conditions, CONDITIONS)] = None

    def branches(self) -> tuple[tuple[BaseStep, ...], ...]:
        """Return the steps of each branch; a step that leads nowhere else has none."""
        return ()

    def references(self, place: str) -> Iterator[Reference]:
        """Yield what the step refers to outside the workflow; `place` is where it stands."""
        yield from ()

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the step's Liquid sources; `place` is where it stands."""
        yield from ()

    def files(self, place: str) -> Iterator[tuple[str, FileFields]]:
        """Yield the step's objects that have members for files of their own."""
        yield from ()

    @classmethod
    def complete(cls, raw: JsonObject, channel_types: ChannelTypes) -> None:
        """Write into a draft of the step what its author may leave out."""


def all_steps(steps: tuple[BaseStep, ...], place: str = "steps") -> Iterator[tuple[str, BaseStep]]:
    """Yield every step with its place, such as `steps[1].branches[0].steps[2]`, in depth."""
    for index, step in enumerate(steps):
        here = f"{place}[{index}]"
        yield here, step
        for position, branch in enumerate(step.branches()):
            yield from all_steps(branch, f"{here}.branches[{position}].steps")

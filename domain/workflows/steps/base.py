"""What every step of a workflow has in common, and how its common fields are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeAlias, TypedDict, TypeVar

from domain.conditions import ConditionGroup, parse_condition_group
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations

T = TypeVar("T")

# A ref is a segment of the paths `refs.<ref>.…`, hence no dots and no blanks.
REF = re.compile(r"[A-Za-z0-9_-]{1,255}")
_WORDS: dict[type, str] = {str: "a string", dict: "an object", bool: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseStep:
    """One step of a workflow; `ref` is unique in the workflow."""

    step_type: ClassVar[str]

    ref: str
    name: str | None = None
    description: str | None = None
    conditions: ConditionGroup | None = None

    def branches(self) -> tuple[tuple[BaseStep, ...], ...]:
        """Return the steps of each branch; a step that leads nowhere else has none."""
        return ()

    def with_conditions(self, conditions: ConditionGroup | None) -> Self:
        """Return the same step under other conditions."""
        return replace(self, conditions=conditions)


StepParser: TypeAlias = Callable[[JsonObject, str, Violations], BaseStep | None]


class CommonFields(TypedDict):
    """The arguments of BaseStep."""

    ref: str
    name: str | None
    description: str | None
    conditions: ConditionGroup | None


def parse_common(raw: JsonObject, field: str, violations: Violations) -> CommonFields:
    """Read `ref`, `name`, `description` and `conditions`; what is wrong goes to `violations`."""
    return {
        "ref": violations.check(_parse_ref, raw.get("ref"), f"{field}.ref") or "",
        "name": optional_text(raw, "name", field, violations),
        "description": optional_text(raw, "description", field, violations),
        "conditions": violations.check(
            parse_condition_group, raw.get("conditions"), f"{field}.conditions"
        ),
    }


def optional_text(raw: JsonObject, key: str, field: str, violations: Violations) -> str | None:
    """Read a string that may be null or absent; anything else is a violation."""
    return _of_type(raw, key, field, violations, str)


def optional_object(
    raw: JsonObject, key: str, field: str, violations: Violations
) -> JsonObject | None:
    """Read an object that may be null or absent; anything else is a violation."""
    return _of_type(raw, key, field, violations, dict)


def optional_flag(raw: JsonObject, key: str, field: str, violations: Violations) -> bool | None:
    """Read a boolean that may be null or absent; anything else is a violation."""
    return _of_type(raw, key, field, violations, bool)


def required_text(raw: JsonObject, key: str, field: str, violations: Violations) -> str | None:
    """Read a string that must be there, empty or not; anything else is a violation."""
    if raw.get(key) is None:
        violations.add(f"{field}.{key}", "is required")
        return None
    return optional_text(raw, key, field, violations)


def _of_type(
    raw: JsonObject, key: str, field: str, violations: Violations, wanted: type[T]
) -> T | None:
    value = raw.get(key)
    if value is None or isinstance(value, wanted):
        return value
    violations.add(f"{field}.{key}", f"must be {_WORDS[wanted]} or null")
    return None


def _parse_ref(raw: JsonValue, field: str) -> str:
    if raw is None or raw == "":
        raise InvalidParams.of(field, "is required")
    if not isinstance(raw, str) or not REF.fullmatch(raw):
        raise InvalidParams.of(field, "must be 1 to 255 letters, digits, underscores or hyphens")
    return raw

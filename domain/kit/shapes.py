"""Shapes of what callers send: one pydantic model each, that both documents it and reads it.

Every violation is told at its place and in the words of the Knock API, all of them at once. Values
are taken as JSON gives them: a number is never read from a string. Members that a shape does not
name are ignored, as Knock does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from domain.kit.clock import parse_instant
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, JsonValue

S = TypeVar("S", bound="Shape")
T = TypeVar("T")

# A key may be as long as a body; its place in a violation is for people to read.
_MOST_OF_A_KEY = 255

# Pydantic's kinds of error, and what callers are told; `{name}` is from the error's context.
_WORDS: Mapping[str, str] = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "none_required": "must be null",
    "extra_forbidden": "is not a known member",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of: {expected}",
    "enum": "must be one of: {expected}",
    "union_tag_invalid": "must be one of: {expected_tags}",
    "union_tag_not_found": "is required",
    # For unions that tell their members apart by more than a tag.
    "recipient": "must be a user id, an object reference or an inline recipient",
    "tenant": "must be a tenant id or an inline tenant",
    "script_entry": "must have exactly one of workflow, audience, broadcast, source, schedules_of"
    " and viewers",
    "preference": "must be true, false or an object with conditions",
    "preferences": "must be true, false or an object of preferences",
}


# Pydantic's name for what a function of ours refused, with violations of its own.
_REFUSED = "refused"


class Wrong(ValueError):
    """What a validator of a shape raises, with the words that callers are told."""


class Absent(Wrong):
    """What a validator raises that judges a member which is not there."""


def _refuse_null(value: object) -> object:
    if value is None:
        raise PydanticCustomError("missing", "Field required")
    return value


# Marks a member whose null counts as missing: Knock's CLI writes what is not set as null.
REFUSE_NULL = BeforeValidator(_refuse_null)
# A string that has to be there, empty or not.
Text = Annotated[str, REFUSE_NULL]


class Shape(BaseModel):
    """Base of the shapes of requests and of authored content."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        json_schema_extra={"additionalProperties": True},
    )
    # What a violation of the whole is told at, where it is in nothing else.
    whole: ClassVar[str] = "body"


@dataclass(frozen=True, slots=True)
class _Measured:
    """How many bytes a value takes at most that is read; None if nobody has measured it."""

    size: int | None


class JudgedWhole(Shape):
    """A shape of which more is judged than its members, whether or not those are right."""

    @classmethod
    def problems(cls, given: JsonObject, size: int | None) -> Iterable[FieldError]:
        """Tell what else is wrong with what was given.

        Args:
            given: as it was sent, so its members may be anything.
            size: bytes that it takes at most, with what is around it; None if that is not known.

        Returns:
            Violations at paths within it; an empty one is that of the whole.
        """
        raise NotImplementedError

    @model_validator(mode="wrap")
    @classmethod
    def _judge(
        cls, given: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        size = info.context.size if isinstance(info.context, _Measured) else None
        found = tuple(cls.problems(given, size)) if isinstance(given, dict) else ()
        if not found:
            return read(given)
        try:
            read(given)
        except ValidationError as error:
            raise refusal([*_violations(error, given), *found]) from None
        raise refusal(found)


def read_shape(shape: type[S], raw: JsonObject, *, field: str = "", size: int | None = None) -> S:
    """Read a value of a shape.

    Args:
        shape: the model.
        raw: decoded JSON.
        field: the path of `raw` in the request, which goes before that of each violation.
        size: bytes that `raw` takes at most; if it is known, what is small need not be measured.

    Raises:
        InvalidParams: with every violation at its place.
    """
    try:
        return shape.model_validate(raw, context=_Measured(size))
    except ValidationError as error:
        found = violations_of(error, raw, field=field, whole=shape.whole)
        raise InvalidParams(found) from None


def violations_of(
    error: ValidationError, raw: JsonValue, *, field: str = "", whole: str = "body"
) -> list[FieldError]:
    """Tell what pydantic found as violations of Knock's kind, in order, each place once."""
    return [
        each if each.field else replace(each, field=whole)
        for each in _violations(error, raw, field=field)
    ]


def _violations(error: ValidationError, raw: JsonValue, *, field: str = "") -> list[FieldError]:
    """Tell what pydantic found; a violation of the whole has no place."""
    found: dict[str, FieldError] = {}
    for item in error.errors(include_url=False):
        if item["type"] == _REFUSED:
            place = path_of(item["loc"], raw, field=field, absent=True)
            for inner in item["ctx"]["violations"]:
                inner_place = _joined(place, inner.field)
                found.setdefault(inner_place, replace(inner, field=inner_place))
            continue
        is_tag = item["type"].startswith("union_tag_")
        discriminator = str(item.get("ctx", {}).get("discriminator", "")).strip("'")
        location = (*item["loc"], discriminator) if is_tag else item["loc"]
        is_absent = isinstance(item.get("ctx", {}).get("error"), Absent)
        absent = is_tag or is_absent or item["type"] == "missing"
        place = path_of(location, raw, field=field, absent=absent)
        found.setdefault(place, FieldError(place, _words(item)))
    return list(found.values())


def refusal(violations: Sequence[FieldError]) -> PydanticCustomError:
    """Make what a validator raises for violations inside its value, at paths relative to it."""
    return PydanticCustomError(_REFUSED, "is not valid", {"violations": tuple(violations)})


def _joined(place: str, inner: str) -> str:
    inner = inner.removeprefix(".")
    return f"{place}.{inner}" if place and inner and not inner.startswith("[") else place + inner


def _words(item: Mapping[str, Any]) -> str:
    context = item.get("ctx", {})
    if "error" in context:  # a ValueError of a validator of ours, which has the words
        return str(context["error"])
    kind = item["type"]
    # Behind a validator of ours pydantic measures a string as it does a list.
    if kind in ("too_long", "too_short") and isinstance(item["input"], str):
        kind = f"string_{kind}"
    words = _WORDS.get(kind)
    if words is None:
        return "is not valid"
    if item["type"] in ("literal_error", "enum", "union_tag_invalid"):
        # Pydantic writes 'a', 'b' or 'c'.
        context = {
            name: str(value).replace("'", "").replace(" or ", ", ")
            for name, value in context.items()
        }
    if item["type"] in ("too_short", "string_too_short") and context.get("min_length") == 1:
        return "must not be empty"
    return words.format(**context)


def path_of(
    location: tuple[int | str, ...], raw: JsonValue, *, field: str = "", absent: bool = False
) -> str:
    """Write where something is: `steps[0].template`.

    Pydantic names the members of a union in its locations too; those are not in the value, and are
    left out.

    Args:
        location: keys and indexes.
        raw: the value that they lead through.
        field: the path of `raw` itself.
        absent: whether the last key is of a member that is not there.
    """
    path, current = field, raw
    for position, part in enumerate(location):
        is_last = position == len(location) - 1
        if isinstance(part, int):
            path += f"[{part}]"
            is_there = isinstance(current, list) and 0 <= part < len(current)
            current = current[part] if is_there else None
        elif isinstance(current, dict) and (
            part in current or (absent and is_last and not _names_a_form(part))
        ):
            shown = part[:_MOST_OF_A_KEY]
            path += f".{shown}" if path else shown
            current = current.get(part)
    return path


def _names_a_form(part: str) -> bool:
    """Tell whether a part of a location is the tag of a member of a union, as `(user id)` is."""
    return part.startswith("(") and part.endswith(")")


def _object(value: object) -> object:
    return {} if isinstance(value, list) and not value else value


# Stands before an object in a type: PHP writes an empty one as `[]`.
EMPTY_LIST_IS_OBJECT = BeforeValidator(_object)
# An object whose members are of one type.
Members = Annotated[dict[str, T], EMPTY_LIST_IS_OBJECT]


def _instant(value: object) -> datetime:
    moment = parse_instant(value)
    if moment is None:
        raise Wrong("must be an ISO 8601 date-time")
    return moment


# An instant of a request, written in ISO 8601.
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


# Says that a secret may be lost which cannot be read; see `services/overwriting.py`.
ReplaceUnreadable = Annotated[
    bool,
    Field(
        description="Write over secrets that were encrypted with a key which the process does not "
        "have; otherwise that is refused."
    ),
]


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """A member that a function of ours reads, because of what stands beside it.

    Attributes:
        judge: takes the raw value and what pydantic knows of it; raises `Wrong`, a `refusal`, or
            InvalidParams at paths relative to the member.
        document: its JSON Schema, or a type that has the right one.
    """

    judge: Callable[[JsonValue, ValidationInfo], Any]
    document: Any

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Let pydantic call the function."""

        def judge(raw: JsonValue, info: ValidationInfo) -> Any:
            try:
                return self.judge(raw, info)
            except InvalidParams as refused:
                raise refusal(refused.errors) from None

        return core_schema.with_info_plain_validator_function(judge)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonObject:
        """Document the value as it was told to be."""
        if isinstance(self.document, Mapping):
            return dict(self.document)
        return handler(TypeAdapter(self.document).core_schema)


def parsed_by(parse: Callable[[JsonValue, str], Any], document: Any) -> JudgedBy:
    """Let a function read a member, where no shape can say what it must be.

    Args:
        parse: takes the raw value and the path that its violations begin with; raises
            InvalidParams.
        document: its JSON Schema, or a type that has the right one.
    """
    return JudgedBy(lambda raw, _info: parse(raw, ""), document)


@dataclass(frozen=True, slots=True)
class DocumentedAs:
    """Documents a member as a type that pydantic does not judge it by.

    Of what is read when something else judges it; of what is written when it is content that
    others wrote, which must never become a fault of ours.
    """

    kind: Any

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Judge by the member's own type."""
        return handler(source)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonObject:
        """Document the other type."""
        return handler(TypeAdapter(self.kind).core_schema)

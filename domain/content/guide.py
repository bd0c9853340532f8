"""Guides as a kind of content: what an application shows to users, and to whom.

Source: Management API reference, GuideRequest; Knock docs, "Guides".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from domain.channels.types import ChannelType
from domain.conditions import ConditionGroup, parse_condition_group, read_condition_group
from domain.content.kind import KindOfContent
from domain.content.message_type import MESSAGE_TYPE
from domain.content.values import value_errors
from domain.kit.authored import (
    CHANNEL,
    ChannelTypes,
    Reference,
    ResourceType,
    Template,
    texts_within,
)
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Absent, Shape, Text, Wrong, parsed_by
from domain.kit.stored import Name, is_content_key, read_document
from domain.workflows.definition import MAX_DESCRIPTION_LENGTH, Labels
from domain.workflows.goals import GoalAttachment, goal_key_of, goal_reference, with_window

MAX_STEPS = 100
MAX_PATTERNS = 100
_CONDITIONS = {"type": ["object", "null"], "description": "`all` or `any` of conditions."}


def _ref(raw: str) -> str:
    if not is_content_key(raw):
        raise Wrong("must be 3 to 255 characters of a-z, 0-9, _ and -")
    return raw


def _absent() -> Any:
    """Stand for a member that is not there, and is judged like one that is null."""
    return None


def _filled_in(raw: JsonValue) -> JsonValue:
    if raw is None:  # nor was there anything to fill in
        raise Absent("is required")
    return raw


# What `knock guide new` leaves out, and is filled in where there is no doubt what it may be.
_FilledIn = Annotated[
    str, BeforeValidator(_filled_in), WithJsonSchema({"type": ["string", "null"]})
]


def _steps(steps: list[GuideStep]) -> list[GuideStep]:
    refs = [step.ref for step in steps]
    if len(set(refs)) < len(refs):
        raise Wrong("must have a different ref in each entry")
    return steps


class GuideStep(Shape):
    """A piece of an interface, and what it says."""

    ref: Annotated[str, AfterValidator(_ref)]
    name: str | None = None
    schema_key: Text = Field(description="Key of the message type.")
    schema_semver: _FilledIn = Field(
        default_factory=_absent,
        validate_default=True,
        description="Version of the message type; by default the one that is saved.",
    )
    schema_variant_key: Text
    # `values` is what a mapping calls its own.
    content: dict[str, Any] = Field({}, alias="values", description="Strings may be Liquid.")


class UrlPattern(Shape):
    """Where in an application a guide is shown, or is not."""

    directive: Literal["allow", "block"] = "allow"
    pathname: str | None = Field(None, description="For example `/dashboard/*`.")
    search: str | None = Field(None, description="For example `tab=settings&*`.")


class GuideShape(Shape):
    """A guide as it is written; members that a client adds beside these are ignored."""

    name: Name
    channel_key: _FilledIn = Field(
        default_factory=_absent,
        validate_default=True,
        description="Key of a channel of type `in_app_guide`; optional if there is only one.",
    )
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION_LENGTH)] = None
    tags: Labels = Field([], description="For authors.")
    steps: Annotated[list[GuideStep], AfterValidator(_steps), Field(max_length=MAX_STEPS)]
    activation_url_patterns: Annotated[list[UrlPattern], Field(max_length=MAX_PATTERNS)] = Field(
        [], description="If there are none, it is shown everywhere."
    )
    target_audience_key: Annotated[str | None, Field(min_length=1, max_length=255)] = Field(
        None, description="Only its members see the guide."
    )
    strict_tenancy: bool | None = Field(
        None,
        description=(
            "Members of the audience count only for the tenant of their membership, and "
            "members without a tenant only if no tenant is asked for. Not part of Knock's API."
        ),
    )
    scope: Literal["global", "per_tenant"] | None = Field(
        None,
        description=(
            "Whether engagement counts for all tenants, or only for the tenant it "
            "happened for. Default: `global`. Not part of Knock's API."
        ),
    )
    target_property_conditions: Annotated[
        ConditionGroup | None, parsed_by(parse_condition_group, _CONDITIONS)
    ] = Field(None, description="Conditions on `recipient`, `tenant` and `data`.")
    goal_attachment: GoalAttachment | None = Field(
        None, description="The goal that it should help to reach."
    )


def managed_audience(guide_key: str) -> str:
    """Return the key of the audience of those whom steps of workflows let see a guide.

    It is nobody's content: no key of an audience has a colon.
    """
    return f"guide:{guide_key}"


@dataclass(frozen=True, slots=True)
class ReadStep:
    """A step of a stored guide."""

    ref: str
    schema_key: str
    schema_semver: str
    schema_variant_key: str
    values: JsonObject


@dataclass(frozen=True, slots=True)
class Guide:
    """What a guide says.

    Attributes:
        key: names it in every environment.
        channel_key: the channel that it is shown on.
        steps: in order.
        patterns: where it is shown, as they are written.
        audience_key: whose members may see it; None for everybody.
        is_strict: whether those count only for the tenant that they are members for.
        is_per_tenant: whether it is new to a user for each tenant.
        conditions: what else has to hold, or None.
        goal_key: of the goal that it is meant to bring about, or None.
    """

    key: str
    channel_key: str
    steps: tuple[ReadStep, ...]
    patterns: tuple[JsonObject, ...]
    audience_key: str | None
    conditions: ConditionGroup | None
    goal_key: str | None = None
    is_strict: bool = False
    is_per_tenant: bool = False

    @property
    def type(self) -> str:
        """Return the message type of its first step, which is what it looks like."""
        return self.steps[0].schema_key if self.steps else ""

    @property
    def semver(self) -> str:
        """Return the version of that message type."""
        return self.steps[0].schema_semver if self.steps else ""


class GuideKind(KindOfContent[Guide]):
    """What guides tell of themselves."""

    name: ClassVar[ResourceType] = ResourceType.GUIDE
    noun: ClassVar[str] = "guide"
    shape: ClassVar[type[Shape]] = GuideShape
    defaults: ClassVar[Mapping[str, JsonValue]] = {
        "tags": [],
        "steps": [],
        "activation_url_patterns": [],
    }
    unsaid: ClassVar[frozenset[str]] = frozenset({"strict_tenancy", "scope"})
    # Nobody should see one by surprise.
    starts_active: ClassVar[bool] = False

    def completed_by(self, raw: JsonObject) -> Collection[tuple[ResourceType, str]]:
        """Return the message types of the steps that do not say of which version."""
        return {
            (ResourceType.MESSAGE_TYPE, step["schema_key"])
            for step in _objects(raw.get("steps"))[:MAX_STEPS]
            if step.get("schema_semver") is None and isinstance(step.get("schema_key"), str)
        }

    def complete(
        self, raw: JsonObject, documents: Mapping[tuple[str, str], JsonObject]
    ) -> JsonObject:
        """Let those steps be of the version that there is."""
        return {**raw, "steps": [_of_version(step, documents) for step in raw["steps"]]}

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return the members that are written, lists where nothing is said, and its channel."""
        sent = super().normalise(raw, channel_types)
        if sent["channel_key"] is None:
            sent["channel_key"] = channel_types.only(ChannelType.IN_APP_GUIDE)
        sent["goal_attachment"] = with_window(sent["goal_attachment"])
        if sent["target_property_conditions"] == {}:
            sent["target_property_conditions"] = None
        # Knock's documents have no such members, and neither has what was stored before there were.
        if sent["strict_tenancy"] in (None, False):
            del sent["strict_tenancy"]
        if sent["scope"] in (None, "global"):
            del sent["scope"]
        return sent

    def check(self, content: JsonObject, key: str) -> Guide:
        """Read a draft. Raises InvalidParams with every violation."""
        read_document(GuideShape, content, key)
        return self.read(content, key)

    def read(self, content: JsonValue, key: str) -> Guide:
        """Read a stored guide, and refuse none: what cannot be read is shown to nobody."""
        stored = content if isinstance(content, dict) else {}
        audience = stored.get("target_audience_key")
        return Guide(
            key=key,
            channel_key=_text(stored.get("channel_key")),
            steps=tuple(map(_read_step, _objects(stored.get("steps")))),
            patterns=tuple(_objects(stored.get("activation_url_patterns"))),
            audience_key=audience if isinstance(audience, str) else None,
            conditions=read_condition_group(stored.get("target_property_conditions")),
            goal_key=goal_key_of(stored),
            is_strict=stored.get("strict_tenancy") is True,
            is_per_tenant=stored.get("scope") == "per_tenant",
        )

    def references(self, document: Guide) -> Iterator[Reference]:
        """Yield the channel, the audience, the goal, and what each step has to look like.

        Message types need not be here: an application may know of more.
        """
        yield Reference("channel_key", CHANNEL, document.channel_key, ChannelType.IN_APP_GUIDE)
        if document.audience_key is not None:
            yield Reference("target_audience_key", ResourceType.AUDIENCE, document.audience_key)
        yield from goal_reference(document.goal_key)
        for index, step in enumerate(document.steps):
            place = f"steps[{index}]"
            yield Reference(
                f"{place}.schema_key",
                ResourceType.MESSAGE_TYPE,
                step.schema_key,
                is_required=False,
                misfits=partial(_misfits, step, place),
            )

    def templates(self, document: Guide) -> Iterator[Template]:
        """Yield the strings among the values of all steps."""
        for index, step in enumerate(document.steps):
            yield from texts_within(step.values, f"steps[{index}].values")


def _misfits(step: ReadStep, place: str, document: JsonObject) -> Iterator[FieldError]:
    """Yield what of a step its message type, of the version that it names, does not allow."""
    if document.get("semver") != step.schema_semver:
        return
    variants = MESSAGE_TYPE.read(document, step.schema_key).variants
    fields = {variant.key: variant.fields for variant in variants}.get(step.schema_variant_key)
    if fields is None:
        yield FieldError(f"{place}.schema_variant_key", "is not a variant of the message type")
    else:
        yield from value_errors(fields, step.values, f"{place}.values")


def _of_version(step: JsonValue, documents: Mapping[tuple[str, str], JsonObject]) -> JsonValue:
    """Return a step with the version of its message type, if it says none and there is one."""
    if not isinstance(step, dict) or step.get("schema_semver") is not None:
        return step
    document = documents.get((ResourceType.MESSAGE_TYPE, _text(step.get("schema_key"))), {})
    return {**step, "schema_semver": document.get("semver")}


def _read_step(raw: JsonObject) -> ReadStep:
    values = raw.get("values")
    return ReadStep(
        ref=_text(raw.get("ref")),
        schema_key=_text(raw.get("schema_key")),
        schema_semver=_text(raw.get("schema_semver")),
        schema_variant_key=_text(raw.get("schema_variant_key")),
        values=values if isinstance(values, dict) else {},
    )


def _text(raw: JsonValue) -> str:
    return raw if isinstance(raw, str) else ""


def _objects(raw: JsonValue) -> list[JsonObject]:
    return [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []


GUIDE = GuideKind()

"""Wire shapes of guides."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from domain.content.guide import UrlPattern
from domain.guides.rows import MESSAGES, EngagedStep, Ineligibility
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.shapes import DocumentedAs
from services.guides.judging import ShownGuide, ShownStep
from services.guides.showing import GuidesView, shown_order

_GROUP = "default"


class GuideMessageOut(Out):
    """What the user did with a step; the id is null before the first time."""

    id: UUID | None = None
    seen_at: Moment | None = None
    read_at: Moment | None = None
    interacted_at: Moment | None = None
    archived_at: Moment | None = None
    link_clicked_at: Moment | None = None

    @classmethod
    def of(cls, engaged: EngagedStep | None) -> Self:
        """Write what was done."""
        if engaged is None:
            return cls()
        return cls(
            id=engaged.message_id,
            seen_at=engaged.seen_at,
            read_at=engaged.read_at,
            interacted_at=engaged.interacted_at,
            archived_at=engaged.archived_at,
            link_clicked_at=engaged.link_clicked_at,
        )


class GuideStepOut(Out):
    """A step with what it says to this user."""

    ref: str
    schema_key: str
    schema_semver: str
    schema_variant_key: str
    message: GuideMessageOut
    content: dict[str, Any]

    @classmethod
    def of(cls, shown: ShownStep) -> Self:
        """Write a step."""
        return cls(
            ref=shown.step.ref,
            schema_key=shown.step.schema_key,
            schema_semver=shown.step.schema_semver,
            schema_variant_key=shown.step.schema_variant_key,
            message=GuideMessageOut.of(shown.engaged),
            content=shown.content,
        )


class GuideOut(Out):
    """A guide that the user may see."""

    typename: Annotated[Literal["Guide"], Field(alias="__typename")] = "Guide"
    id: UUID
    channel_id: UUID
    key: str
    type: str
    semver: str = Field(description="The version of that message type.")
    active: bool
    steps: list[GuideStepOut]
    activation_url_rules: list[dict[str, Any]]
    activation_url_patterns: Annotated[list[dict[str, Any]], DocumentedAs(list[UrlPattern])]
    bypass_global_group_limit: bool = Field(
        description="Whether it does not wait for other guides."
    )
    inserted_at: Moment | None
    updated_at: Moment | None

    @classmethod
    def of(cls, shown: ShownGuide, channel_id: UUID) -> Self:
        """Write a guide."""
        found = shown.found
        return cls(
            id=found.id,
            channel_id=channel_id,
            key=found.guide.key,
            type=found.guide.type,
            semver=found.guide.semver,
            active=True,
            steps=[GuideStepOut.of(step) for step in shown.steps],
            activation_url_rules=[],
            activation_url_patterns=[
                {name: value for name, value in pattern.items() if value is not None}
                for pattern in found.guide.patterns
            ],
            bypass_global_group_limit=shown.is_unthrottled,
            inserted_at=found.published.inserted_at,
            updated_at=found.published.updated_at,
        )


class GuideGroupOut(Out):
    """In which order guides are shown, and how many seconds pass after one was dismissed.

    What nobody has set is left out: Knock's document knows no null there.
    """

    typename: Annotated[Literal["GuideGroup"], Field(alias="__typename")] = "GuideGroup"
    key: str
    display_interval: LeftOut[int] = None
    display_sequence: list[str]
    display_sequence_unthrottled: list[str]
    display_sequence_throttled: list[str]
    inserted_at: LeftOut[Moment] = None
    updated_at: LeftOut[Moment] = None

    @classmethod
    def of(cls, view: GuidesView) -> Self:
        """Write the one group."""
        order = list(shown_order(view))
        group = view.group
        return cls(
            key=_GROUP,
            display_interval=group.display_interval if group else None,
            display_sequence=view.sequence,
            display_sequence_unthrottled=[key for key, is_unthrottled in order if is_unthrottled],
            display_sequence_throttled=[key for key, is_unthrottled in order if not is_unthrottled],
            inserted_at=group.inserted_at if group else None,
            updated_at=group.updated_at if group else None,
        )


class IneligibleOut(Out):
    """Why the user may not see a guide."""

    typename: Annotated[Literal["GuideIneligibilityMarker"], Field(alias="__typename")] = (
        "GuideIneligibilityMarker"
    )
    key: str
    reason: Ineligibility
    message: str


class GuidesOut(Out):
    """The guides of a user."""

    entries: list[GuideOut]
    guide_groups: list[GuideGroupOut]
    guide_group_display_logs: dict[str, Moment]
    ineligible_guides: list[IneligibleOut]

    @classmethod
    def of(cls, view: GuidesView) -> Self:
        """Write the guides of a user."""
        logs: dict[str, datetime] = {}
        if view.dismissed_at is not None:
            logs[_GROUP] = view.dismissed_at
        return cls(
            entries=[GuideOut.of(shown, view.channel_id) for shown in view.entries],
            guide_groups=[GuideGroupOut.of(view)],
            guide_group_display_logs=logs,
            ineligible_guides=[
                IneligibleOut(key=key, reason=reason, message=MESSAGES[reason])
                for key, reason in view.ineligible.items()
            ],
        )


class DoneOut(Out):
    """Done."""

    status: Literal["ok"] = "ok"

"""What a preview is asked for: whom it is for, and what it is of.

Source: Knock Management API, PreviewWorkflowTemplateRequest, PreviewTemplateRequest,
PreviewEmailLayoutRequest, PreviewPartialRequest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from domain.channels.kinds import STEP_KINDS
from domain.content.email_layout import EmailLayoutShape
from domain.content.partial import PartialShape
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs, Instant, Members, Shape, Wrong
from domain.recipients.inline import InlineRecipient, inline, inline_tenant
from domain.recipients.shapes import AnyRecipientIn, AnyTenantIn
from domain.workflows.steps.batch import MAX_ITEMS

# The step that it would be of judges it.
_CHANNEL_TYPE = {"type": "string", "enum": [one.value for one in STEP_KINDS]}
_INPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,254}")


@dataclass(frozen=True, slots=True)
class ExampleActivity:
    """An item of a batch, as it might have been gathered; without an instant, now."""

    data: JsonObject
    actor: InlineRecipient | None = None
    inserted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Whom content is looked at for.

    Attributes:
        recipient: None for content that sees none.
        data: what a trigger would carry.
        activities: what a batch before would have gathered, oldest first; None for what `data` and
            `actor` say alone.
    """

    recipient: InlineRecipient | None = None
    actor: InlineRecipient | None = None
    tenant: InlineRecipient | None = None
    data: JsonObject = field(default_factory=dict)
    activities: tuple[ExampleActivity, ...] | None = None

    def mentioned(self) -> list[InlineRecipient]:
        """Return everybody who is named; the recipient comes last and has the last word."""
        people = [each.actor for each in self.activities or ()]
        people += [self.actor, self.tenant, self.recipient]
        return [person for person in people if person is not None]


class ActivityIn(Shape):
    """An item that a batch might have gathered."""

    data: Members[Any] | None = None
    actor: AnyRecipientIn | None = None
    inserted_at: Instant | None = Field(None, description="Default: now.")


class ViewpointIn(Shape):
    """Whom a preview is for."""

    recipient: AnyRecipientIn = Field(
        description="A user id, an object reference, or an inline recipient, which is not stored."
    )
    actor: AnyRecipientIn | None = Field(None, description="The actor of the trigger.")
    tenant: AnyTenantIn | None = Field(
        None, description="The tenant, whose branding and translations are used."
    )
    data: Members[Any] | None = Field(None, description="The data of the trigger.")
    activities: Annotated[list[ActivityIn], Field(max_length=MAX_ITEMS)] | None = Field(
        None,
        description="The items of a batch, oldest first. Not part of Knock's API.",
    )

    def viewpoint(self) -> Viewpoint:
        """Say whom it is for."""
        activities = None
        if self.activities is not None:
            activities = tuple(
                ExampleActivity(one.data or {}, _said(one.actor), one.inserted_at)
                for one in self.activities
            )
        return Viewpoint(
            inline(self.recipient, "recipient"),
            _said(self.actor),
            None if self.tenant is None else inline_tenant(self.tenant, "tenant"),
            self.data or {},
            activities,
        )


def _said(actor: AnyRecipientIn | None) -> InlineRecipient | None:
    return None if actor is None else inline(actor, "actor")


class WorkflowOfPreview(Shape):
    """The workflow that templates see."""

    key: str
    categories: list[str] | None = None
    commercial: bool | None = Field(None, description="Whether there are unsubscribe links.")
    override_preferences: bool | None = None


class LayoutOfPreview(Shape):
    """The layout around a template: a published one, or one that is written here."""

    key: str | None = Field(None, description="Key of a published layout.")
    html_content: str | None = Field(None, description="Must contain `{{ content }}`.")
    text_content: str | None = None

    @property
    def is_written(self) -> bool:
        """Tell whether the layout is written here."""
        return self.html_content is not None or self.text_content is not None


class KeyOfLayout(Shape):
    """The layout around a partial."""

    key: str | None = Field(None, description="Key of a published layout.")


class TemplatePreviewIn(ViewpointIn):
    """A template that is saved nowhere, and whom it is for."""

    channel_type: Annotated[Any, WithJsonSchema(_CHANNEL_TYPE)]
    template: JsonObject = Field(description="The template, as the channel type defines it.")
    layout: LayoutOfPreview | None = Field(
        None,
        description=(
            "For e-mails; by default the layout that the template names, or else `default`."
        ),
    )
    workflow: WorkflowOfPreview | None = None


class LayoutPreviewIn(ViewpointIn):
    """An e-mail layout that need not be saved, and whom it is for."""

    email_layout: Annotated[JsonObject, DocumentedAs(EmailLayoutShape)]
    workflow: WorkflowOfPreview | None = None


class RequestPreviewIn(ViewpointIn):
    """Whom a preview of a reusable request is for, and what the request is given."""

    inputs: Members[Any] | None = Field(
        None, description="Inputs by name. Default: its `data_input_values_str`."
    )


def _inputs(given: JsonObject) -> JsonObject:
    for name in given:
        if not _INPUT.fullmatch(name):
            raise Wrong(f"{name[:64]!r} is not a valid name for an input")
    return given


class PartialPreviewIn(Shape):
    """A partial that need not be saved, and its inputs."""

    partial: Annotated[JsonObject, DocumentedAs(PartialShape)]
    data: Annotated[Members[Any], AfterValidator(_inputs)] | None = Field(
        None, description="Its inputs by name."
    )
    layout: KeyOfLayout | None = Field(
        None, description="The layout around a partial of type html."
    )

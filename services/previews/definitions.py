"""What a preview names or writes out beside content: a workflow, a step, a layout."""

from __future__ import annotations

import re

from domain.content.email_layout import EMAIL_LAYOUT, EmailLayout
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import read_shape
from domain.previews.requests import WorkflowOfPreview
from domain.workflows import TriggerFrequency, WorkflowDefinition, WorkflowSettings
from domain.workflows.program import Program
from domain.workflows.steps.channel import ChannelStep
from services.content.catalog import Configuration

_ALONE = "{{ content }}"
_MJML = re.compile(r"<mjml\b", re.IGNORECASE)


def definition_of(workflow: WorkflowOfPreview | None) -> WorkflowDefinition:
    """Return a workflow without steps, of which a request says the rest."""
    given = workflow or WorkflowOfPreview(key="")
    return WorkflowDefinition(
        key=given.key,
        name=given.key,
        description=None,
        categories=tuple(given.categories or ()),
        tags=(),
        conditions=None,
        settings=WorkflowSettings(
            is_commercial=bool(given.commercial),
            override_preferences=bool(given.override_preferences),
        ),
        trigger_frequency=TriggerFrequency.EVERY_TRIGGER,
        audience_key=None,
        trigger_data_json_schema=None,
        steps=(),
        program=Program(()),
    )


def step_of(channel_type: JsonValue, template: JsonValue) -> ChannelStep:
    """Return a step that no workflow has. Raises InvalidParams for what its type cannot have."""
    written: JsonObject = {
        "ref": "preview",
        "channel_key": "preview",
        "channel_type": channel_type,
        "template": template,
    }
    return read_shape(ChannelStep, written)


def require_layout(configuration: Configuration, key: str) -> None:
    """Raise InvalidParams when a request names a layout that is not published."""
    if configuration.published(EMAIL_LAYOUT, key) is None:
        raise InvalidParams.of("layout.key", f"there is no published e-mail layout {key!r}")


def layout_written_as(html: str | None, text: str | None) -> EmailLayout:
    """Return the layout of two sources; where one is left out, the body stands alone."""
    source = html or _ALONE
    return EmailLayout(source, text or _ALONE, is_mjml=bool(_MJML.search(source)))

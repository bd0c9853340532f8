"""What templates see of a workflow that a preview names, and layouts that it writes out."""

from __future__ import annotations

import re

from domain.content.email_layout import EmailLayout
from domain.previews.requests import WorkflowOfPreview
from domain.workflows import TriggerFrequency, WorkflowDefinition, WorkflowSettings
from domain.workflows.program import Program

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


def layout_written_as(html: str | None, text: str | None) -> EmailLayout:
    """Return the layout of two sources; where one is left out, the body stands alone."""
    source = html or _ALONE
    return EmailLayout(source, text or _ALONE, is_mjml=bool(_MJML.search(source)))

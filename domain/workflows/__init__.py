"""Workflows as their authors define them, and as runs walk through them.

`check_workflow` refuses a draft that is wrong; `read_workflow` never refuses what was stored.
"""

from domain.workflows.content import all_steps, channel_steps, content_sha, normalise_workflow
from domain.workflows.cursor import Cursor
from domain.workflows.definition import (
    MAX_NAME_LENGTH,
    TriggerFrequency,
    WorkflowDefinition,
    WorkflowSettings,
    check_workflow,
    is_content_key,
)
from domain.workflows.program import Program
from domain.workflows.reading import read_workflow

__all__ = [
    "MAX_NAME_LENGTH",
    "Cursor",
    "Program",
    "TriggerFrequency",
    "WorkflowDefinition",
    "WorkflowSettings",
    "all_steps",
    "channel_steps",
    "check_workflow",
    "content_sha",
    "is_content_key",
    "normalise_workflow",
    "read_workflow",
]

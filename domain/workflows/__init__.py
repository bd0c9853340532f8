"""Workflows as their authors define them, and as runs walk through them.

`check_workflow` refuses a draft that is wrong; `read_workflow` never refuses what was stored.
"""

from domain.workflows.content import normalise_workflow
from domain.workflows.cursor import Cursor
from domain.workflows.definition import (
    AudienceTrigger,
    WorkflowDefinition,
    WorkflowSettings,
    WorkflowShape,
    check_normalised,
    check_workflow,
    read_workflow,
)
from domain.workflows.frequency import TriggerFrequency
from domain.workflows.program import Program

__all__ = [
    "AudienceTrigger",
    "Cursor",
    "Program",
    "TriggerFrequency",
    "WorkflowDefinition",
    "WorkflowSettings",
    "WorkflowShape",
    "check_normalised",
    "check_workflow",
    "normalise_workflow",
    "read_workflow",
]

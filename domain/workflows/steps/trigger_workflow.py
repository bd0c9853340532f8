"""The step that triggers another workflow (Knock docs: "Trigger workflow function")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from domain.kit.authored import Reference, ResourceType, Template
from domain.kit.liquid import has_liquid
from domain.kit.shapes import Shape
from domain.workflows.steps.base import BaseStep

# How many triggers may follow from each other; a workflow may trigger itself.
MAX_CHAIN = 10

THE_RECIPIENT = "{{ recipient.id }}"
THE_ACTOR = "{{ actor.id }}"
THE_DATA = "{{ data | json }}"


class TriggerWorkflowSettings(Shape):
    """A trigger, each part a text with Liquid in it; what is left out is that of this run."""

    workflow_key: str = Field(min_length=1, description="Which workflow.")
    recipients: str = Field(
        THE_RECIPIENT, description="An id, or JSON: a reference, an inline recipient, or a list."
    )
    actor: str | None = Field(
        THE_ACTOR, description="An id, or JSON: a reference or an inline recipient."
    )
    tenant: str | None = Field("{{ tenant.id }}", description="An id, or JSON: an inline tenant.")
    data: str | None = Field(THE_DATA, description="A JSON object.")
    cancellation_key: str | None = Field("{{ workflow.cancellation_key }}")


class TriggerWorkflowStep(BaseStep):
    """Trigger another workflow, and go on without waiting for it."""

    type: Literal["trigger_workflow"] = "trigger_workflow"
    settings: TriggerWorkflowSettings

    def references(self, place: str) -> Iterator[Reference]:
        """Yield the workflow, unless a run says which one it is."""
        key = self.settings.workflow_key
        if not has_liquid(key):
            at = f"{place}.settings.workflow_key"
            yield Reference(at, ResourceType.WORKFLOW, key, may_follow=True)

    def templates(self, place: str) -> Iterator[Template]:
        """Yield every setting that is there."""
        for name, source in self.settings:
            if source is not None:
                yield Template(f"{place}.settings.{name}", source)

"""The step that changes what is stored of an object (Knock docs: "Update object function")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from domain.workflows.steps.settings import given
from domain.workflows.steps.update_recipient import Changes, UpdateRecipientStep, target_of


class UpdateObjectSettings(Changes):
    """Which object, and what changes."""

    recipient_gid: Annotated[str, Field(min_length=1), target_of("update_object")] = Field(
        description="For example `gid://Object/projects/p1`, or Liquid."
    )


class UpdateObjectStep(UpdateRecipientStep):
    """Change what is stored of an object."""

    type: Literal["update_object"] = "update_object"
    settings: Annotated[UpdateObjectSettings, BeforeValidator(given)]

"""The step that changes what is stored of a user (Knock docs: "Update user function")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from domain.workflows.steps.settings import given
from domain.workflows.steps.update_recipient import ByMode, UpdateRecipientStep, target_of


class UpdateUserSettings(ByMode):
    """Which user, and what changes."""

    recipient_gid: Annotated[str | None, target_of("update_user")] = Field(
        None,
        description=("For example `gid://Object/$users/ellie`, or Liquid; an id alone is enough."),
    )


class UpdateUserStep(UpdateRecipientStep):
    """Change what is stored of a user."""

    type: Literal["update_user"] = "update_user"
    settings: Annotated[UpdateUserSettings, BeforeValidator(given)]

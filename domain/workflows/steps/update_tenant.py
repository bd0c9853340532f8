"""The step that changes what is stored of a tenant (Knock docs: "Update tenant function")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from domain.workflows.steps.settings import given
from domain.workflows.steps.update_recipient import ByMode, UpdateRecipientStep, target_of


class UpdateTenantSettings(ByMode):
    """Which tenant, and what changes."""

    recipient_gid: Annotated[str | None, target_of("update_tenant")] = Field(
        None,
        description=("For example `gid://Object/$tenants/acme`, or Liquid; an id alone is enough."),
    )


class UpdateTenantStep(UpdateRecipientStep):
    """Change what is stored of a tenant."""

    type: Literal["update_tenant"] = "update_tenant"
    settings: Annotated[UpdateTenantSettings, BeforeValidator(given)]

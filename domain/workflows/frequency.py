"""How often one recipient may enter a workflow (Knock docs: "Trigger frequency")."""

from __future__ import annotations

from enum import StrEnum

from domain.kit.json_types import JsonValue

# What a first run is for where tenants do not matter. No tenant has this id.
ANY_TENANT = ""


class TriggerFrequency(StrEnum):
    """How often one recipient may enter a workflow."""

    EVERY_TRIGGER = "every_trigger"
    ONCE_PER_RECIPIENT = "once_per_recipient"
    ONCE_PER_RECIPIENT_PER_TENANT = "once_per_recipient_per_tenant"

    @classmethod
    def of(cls, stored: JsonValue) -> TriggerFrequency:
        """Read what is stored; what only another version of the product knows is the default."""
        return cls(stored) if stored in list(cls) else cls.EVERY_TRIGGER

    def first_run_for(self, tenant_id: str | None) -> str | None:
        """Return what a recipient has one run for, or None when each trigger makes one.

        It is the id of the tenant, or `ANY_TENANT`. A trigger without a tenant counts as one more
        tenant.
        """
        match self:
            case TriggerFrequency.EVERY_TRIGGER:
                return None
            case TriggerFrequency.ONCE_PER_RECIPIENT:
                return ANY_TENANT
            case TriggerFrequency.ONCE_PER_RECIPIENT_PER_TENANT:
                return tenant_id or ANY_TENANT

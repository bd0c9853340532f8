"""The step that adds its recipient to a static audience, or removes it.

Source: Knock docs, "Update audience function". The Management API's document lacks it; the names of
the settings are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import BeforeValidator

from domain.kit.authored import Reference, ResourceType
from domain.kit.shapes import Shape
from domain.workflows.steps.base import BaseStep
from domain.workflows.steps.settings import given


class UpdateAudienceSettings(Shape):
    """Which audience, and what is done."""

    audience_key: str = Field(min_length=1, description="Key of a static audience.")
    action: Literal["add", "remove"]

    def adds_to(self, audience_key: str | None) -> bool:
        """Tell whether it adds to this audience."""
        return self.action == "add" and self.audience_key == audience_key


class UpdateAudienceStep(BaseStep):
    """Add the recipient to a static audience, or remove it, for the tenant of the run."""

    type: Literal["update_audience"] = "update_audience"
    settings: Annotated[UpdateAudienceSettings, BeforeValidator(given)]

    def references(self, place: str) -> Iterator[Reference]:
        """Yield the audience."""
        key = self.settings.audience_key
        yield Reference(f"{place}.settings.audience_key", ResourceType.AUDIENCE, key)

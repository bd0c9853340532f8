"""What the steps have in common that change what is stored of somebody: whom, and what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator

from domain.kit.authored import Language, Template
from domain.kit.liquid import has_liquid
from domain.kit.shapes import Shape, Wrong
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.workflows.steps.base import BaseStep


def read_target(text: str, step_type: str) -> RecipientRef:
    """Return whom a global id names for a step of a type.

    A user and a tenant may be named by the id alone. A tenant is an object too.

    Raises:
        Wrong: with the words that an author is told.
    """
    home = {"update_user": USERS, "update_tenant": TENANTS}.get(step_type)
    is_gid = text.startswith("gid://")
    ref = RecipientRef.of_gid(text) if is_gid or home is None else RecipientRef(home, text)
    wanted = f"gid://Object/{home or 'collection'}/id"
    if ref is None or not ref.id:
        raise Wrong(f"must be a global id such as {wanted}")
    if ref.collection != home and (home is not None or ref.collection == USERS):
        raise Wrong(f"must name what the step updates, such as {wanted}")
    return ref


def target_of(step_type: str) -> AfterValidator:
    """Judge a global id that is written out; what Liquid comes to is judged when it is there."""

    def check(text: str | None) -> str | None:
        if text and not has_liquid(text):
            read_target(text.strip(), step_type)
        return text

    return AfterValidator(check)


class Changes(Shape):
    """Whom a step changes, and what."""

    recipient_gid: str | None = None
    update_properties: str = Field(
        min_length=1,
        description=(
            "A JSON object as a string, which may contain Liquid, merged deeply into "
            "what is stored; a string that is a single Liquid output keeps the type of its value."
        ),
    )


class ByMode(Changes):
    """Whom a step changes that may change the run's own, and what changes."""

    recipient_mode: Literal["current", "reference"] = Field(
        description="Whether to update that of this run, or the one that `recipient_gid` names."
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.recipient_mode == "reference" and not self.recipient_gid:
            raise Wrong("needs recipient_gid if recipient_mode is reference")
        return self


class UpdateRecipientStep(BaseStep):
    """Change what is stored of somebody."""

    settings: Changes

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the properties, and the global id where it is Liquid."""
        settings = self.settings
        properties = settings.update_properties
        yield Template(f"{place}.settings.update_properties", properties, Language.JSON)
        if settings.recipient_gid and has_liquid(settings.recipient_gid):
            yield Template(f"{place}.settings.recipient_gid", settings.recipient_gid)

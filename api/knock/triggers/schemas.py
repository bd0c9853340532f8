"""Wire shapes of trigger and cancel that are not the domain's: answers, and the older forms."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import Out
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.recipients.shapes import AnyRecipientIn
from domain.triggers.requests import CancelIn, CancellationKey, TriggerAnswer, TriggerIn

_OLD_SPELLING = "Also accepted as `cancelation_key`, as older SDKs spell it."
_Name = Annotated[str, Field(description="Key of the workflow.", min_length=1)]


class TriggerOut(Out):
    """The accepted trigger."""

    workflow_run_id: UUID

    @classmethod
    def of(cls, accepted: TriggerAnswer) -> Self:
        """Write what became of a trigger."""
        return cls(workflow_run_id=accepted.workflow_run_id)


class NotifyIn(TriggerIn):
    """The older form of a trigger."""

    name: _Name
    actor: AnyRecipientIn = Field(description="The recipient who caused it.")
    cancellation_key: CancellationKey | None = Field(None, description=_OLD_SPELLING)

    @classmethod
    def read(cls, body: JsonObject) -> Self:
        """Read a body in either spelling. Raises InvalidParams with every violation."""
        return read_shape(cls, _in_new_spelling(body))


class NotifyCancelIn(CancelIn):
    """The older form of a cancel."""

    name: _Name
    cancellation_key: CancellationKey = Field(description=_OLD_SPELLING)

    @classmethod
    def read(cls, body: JsonObject) -> Self:
        """Read a body in either spelling. Raises InvalidParams with every violation."""
        return read_shape(cls, _in_new_spelling(body))


def _in_new_spelling(body: JsonObject) -> JsonObject:
    if body.get("cancellation_key") is not None or "cancelation_key" not in body:
        return body
    return {**body, "cancellation_key": body["cancelation_key"]}


class NotifyOut(Out):
    """The accepted trigger, in its older form."""

    result_id: UUID

    @classmethod
    def of(cls, accepted: TriggerAnswer) -> Self:
        """Write what became of a trigger."""
        return cls(result_id=accepted.workflow_run_id)

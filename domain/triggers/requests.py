"""What a trigger and a cancel request say: their shapes, and what is made of them.

Source: Knock docs "Triggering workflows", "Canceling workflows"; limits of the API reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import Field

from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, JudgedWhole, Members, Shape, read_shape
from domain.recipients.inline import InlineRecipient, inline, inline_tenant
from domain.recipients.naming import named_in_list
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import AnyRecipientIn, AnyTenantIn

MAX_RECIPIENTS = 1_000
MAX_DATA_BYTES = 10 * 1024 * 1024
MAX_CANCELLATION_KEY = 255
# The source of triggers that try a workflow out.
REHEARSAL = "rehearsal"


def is_rehearsed(source: JsonObject) -> bool:
    """Tell by its source whether a trigger tries a workflow out, or follows from one that does."""
    return takes_saved(source) or bool(source.get("rehearsal"))


def takes_saved(source: JsonObject) -> bool:
    """Tell by its source whether a trigger runs a workflow as it is saved, committed or not.

    What follows from a test run tries nothing out but what is published.
    """
    return source.get("type") == REHEARSAL


def is_sandboxed(settings: JsonObject) -> bool:
    """Tell by its settings whether what a trigger makes stays in the house."""
    return bool(settings.get("sandbox_mode"))


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request to run a workflow for recipients.

    Attributes:
        recipients: one entry per distinct recipient, in the order of the request.
        data_bytes: an upper bound of the size of `data`.
        settings: `sandbox_mode` and `skip_delay`, both booleans.
        source: what caused it, as the API answers it in `trigger_source`.
        reaches_followers: whether those who follow a recipient have runs, too; a schedule runs for
            the recipient alone.
    """

    workflow_key: str
    recipients: tuple[InlineRecipient, ...]
    actor: InlineRecipient | None = None
    tenant: InlineRecipient | None = None
    data: JsonObject = field(default_factory=dict)
    cancellation_key: str | None = None
    settings: JsonObject = field(default_factory=dict)
    source: JsonObject = field(default_factory=lambda: {"type": "api"})
    data_bytes: int = 0
    reaches_followers: bool = True

    @property
    def is_rehearsal(self) -> bool:
        """Tell whether it tries a workflow out, for which frequencies do not count."""
        return is_rehearsed(self.source)

    @property
    def is_sandboxed(self) -> bool:
        """Tell whether its messages stay in the house; such runs count among themselves alone."""
        return is_sandboxed(self.settings)

    @property
    def takes_saved(self) -> bool:
        """Tell whether it runs a workflow as it is saved; what follows runs what is published."""
        return takes_saved(self.source)


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """One request to cancel the open runs of a cancellation key, or of some recipients in it."""

    workflow_key: str
    cancellation_key: str
    recipients: tuple[RecipientRef, ...] | None = None


@dataclass(frozen=True, slots=True)
class TriggerAnswer:
    """What the caller of a trigger is told."""

    workflow_run_id: UUID
    replayed_from: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


CancellationKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_CANCELLATION_KEY)]


class TriggerSettingsIn(Shape):
    """How the runs of a trigger behave."""

    sandbox_mode: bool | None = Field(None, description="Messages end with the status not_sent.")
    skip_delay: bool | None = Field(None, description="Delay steps do not wait.")

    def chosen(self) -> JsonObject:
        """Return those that are switched on."""
        return {name: True for name, value in self if value}


class TriggerIn(JudgedWhole):
    """A request to run a workflow."""

    recipients: list[AnyRecipientIn] = Field(
        description="User ids, object references, or users and objects to identify inline.",
        min_length=1,
        max_length=MAX_RECIPIENTS,
    )
    actor: AnyRecipientIn | None = Field(None, description="The recipient who caused it.")
    tenant: AnyTenantIn | None = Field(None, description="An id, or a tenant to set inline.")
    data: Members[Any] | None = Field(None, description="At most 10 MB.")
    cancellation_key: CancellationKey | None = None
    settings: Annotated[TriggerSettingsIn, EMPTY_LIST_IS_OBJECT] | None = None

    @classmethod
    def problems(cls, given: JsonObject, size: int | None) -> Iterable[FieldError]:
        """Tell whether the data is too large."""
        return problems_of_data(given, size)

    def request(self, workflow_key: str, *, size: int, source_type: str = "api") -> TriggerRequest:
        """Say what is asked for.

        Args:
            workflow_key: which workflow is to run.
            size: bytes that the whole shape takes at most.
            source_type: `api`, `rehearsal` for the test runner, or `workflow_step`.
        """
        data, key = self.data or {}, self.cancellation_key
        return TriggerRequest(
            workflow_key,
            named_in_list(self.recipients).recipients,
            None if self.actor is None else inline(self.actor, "actor"),
            None if self.tenant is None else inline_tenant(self.tenant, "tenant"),
            data,
            cancellation_key=key,
            settings={} if self.settings is None else self.settings.chosen(),
            source={"type": source_type} | ({} if key is None else {"cancellation_key": key}),
            data_bytes=size if size <= MAX_DATA_BYTES else encoded_size(data),
        )


def problems_of_data(given: JsonObject, size: int | None) -> Iterator[FieldError]:
    """Tell whether the member `data` of a request is too large; see `JudgedWhole.problems`."""
    # A member is no larger than the whole, so most requests need no measure of their own.
    if size is not None and size <= MAX_DATA_BYTES:
        return
    if encoded_size(given.get("data")) > MAX_DATA_BYTES:
        yield FieldError("data", "must be at most 10 MB")


class CancelIn(Shape):
    """A request to cancel runs that have not ended."""

    cancellation_key: CancellationKey
    recipients: list[AnyRecipientIn] | None = Field(
        None, description="Only the runs of these recipients.", max_length=MAX_RECIPIENTS
    )

    def request(self, workflow_key: str) -> CancelRequest:
        """Say what is asked for."""
        refs = None
        if self.recipients is not None:
            refs = tuple(named_in_list(self.recipients).refs)
        return CancelRequest(workflow_key, self.cancellation_key, refs)


def parse_trigger_request(
    workflow_key: str, body: JsonObject, *, size: int | None = None, source_type: str = "api"
) -> TriggerRequest:
    """Read the body of a trigger.

    Args:
        workflow_key: from the path.
        body: decoded JSON object.
        size: bytes of the body as it was sent; measured when it is left out.
        source_type: see `TriggerIn.request`.

    Raises:
        InvalidParams: with every violation that was found.
    """
    size = encoded_size(body) if size is None else size
    given = read_shape(TriggerIn, body, size=size)
    return given.request(workflow_key, size=size, source_type=source_type)


def parse_cancel_request(workflow_key: str, body: JsonObject) -> CancelRequest:
    """Read the body of a cancel. Raises InvalidParams with every violation."""
    return read_shape(CancelIn, body).request(workflow_key)

"""What a trigger and a cancel request say, parsed and checked.

Source: Knock docs "Triggering workflows", "Canceling workflows"; limits of the API reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue, encoded_size
from domain.kit.violations import Violations, as_object
from domain.recipients.identify import InlineRecipient, combined, parse_recipient, parse_tenant
from domain.recipients.refs import RecipientRef

T = TypeVar("T")

MAX_RECIPIENTS = 1_000
MAX_DATA_BYTES = 10 * 1024 * 1024
MAX_CANCELLATION_KEY = 255


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request to run a workflow for recipients.

    Attributes:
        recipients: one entry per distinct recipient, in the order of the request.
        data_bytes: an upper bound of the size of `data`.
        settings: `sandbox_mode` and `skip_delay`, both booleans.
        source: what caused it, as the API answers it in `trigger_source`.
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


def parse_trigger_request(
    workflow_key: str, body: JsonObject, *, size: int | None = None, source_type: str = "api"
) -> TriggerRequest:
    """Read the body of a trigger.

    Args:
        workflow_key: from the path.
        body: decoded JSON object.
        size: bytes of the body as it was sent; measured when it is left out.
        source_type: `api`, or `rehearsal` for the test runner.

    Raises:
        InvalidParams: with every violation that was found.
    """
    violations = Violations()
    size = encoded_size(body) if size is None else size
    recipients = violations.check(_parse_recipients, body.get("recipients"), "recipients") or ()
    actor = violations.check(_optional(parse_recipient), body.get("actor"), "actor")
    tenant = violations.check(_optional(parse_tenant), body.get("tenant"), "tenant")
    data = violations.check(_optional(as_object), body.get("data"), "data") or {}
    settings = violations.check(_optional(_parse_settings), body.get("settings"), "settings") or {}
    raw_key = body.get("cancellation_key")
    key = violations.check(_optional(_parse_key), raw_key, "cancellation_key")
    violations.raise_any()
    source: JsonObject = {"type": source_type}
    if key is not None:
        source["cancellation_key"] = key
    # A member is no larger than the whole body, so most requests need no measure of their own.
    if size > MAX_DATA_BYTES and (size := encoded_size(data)) > MAX_DATA_BYTES:
        raise InvalidParams.of("data", "must be at most 10 MB")
    return TriggerRequest(
        workflow_key, recipients, actor, tenant, data, key, settings, source, data_bytes=size
    )


def parse_cancel_request(workflow_key: str, body: JsonObject) -> CancelRequest:
    """Read the body of a cancel. Raises InvalidParams with every violation."""
    violations = Violations()
    key = violations.check(_parse_key, body.get("cancellation_key"), "cancellation_key")
    recipients = violations.check(_optional(_parse_some), body.get("recipients"), "recipients")
    violations.raise_any()
    refs = None if recipients is None else tuple(entry.ref for entry in recipients)
    return CancelRequest(workflow_key, key or "", refs)


def _optional(
    parse: Callable[[JsonValue, str], T],
) -> Callable[[JsonValue, str], T | None]:
    """Let null and absence pass by a parser."""
    return lambda raw, field: None if raw is None else parse(raw, field)


def _parse_recipients(raw: JsonValue, field: str) -> tuple[InlineRecipient, ...]:
    if isinstance(raw, list) and not raw:
        raise InvalidParams.of(field, "must name at least one recipient")
    return _parse_some(raw, field)


def _parse_some(raw: JsonValue, field: str) -> tuple[InlineRecipient, ...]:
    """Read recipients, each once: what several mentions of one say is combined."""
    if not isinstance(raw, list):
        raise InvalidParams.of(field, "must be a list of recipients")
    if len(raw) > MAX_RECIPIENTS:
        raise InvalidParams.of(field, f"must name at most {MAX_RECIPIENTS} recipients")
    violations = Violations()
    distinct: dict[RecipientRef, InlineRecipient] = {}
    for index, entry in enumerate(raw):
        parsed = violations.check(parse_recipient, entry, f"{field}[{index}]")
        if parsed is not None:
            distinct[parsed.ref] = combined(distinct.get(parsed.ref), parsed)
    violations.raise_any()
    return tuple(distinct.values())


def _parse_settings(raw: JsonValue, field: str) -> JsonObject:
    given = as_object(raw, field)
    settings: JsonObject = {}
    for name in ("sandbox_mode", "skip_delay"):
        value = given.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidParams.of(f"{field}.{name}", "must be true or false")
        if value:
            settings[name] = True
    return settings


def _parse_key(raw: JsonValue, field: str) -> str:
    if not isinstance(raw, str) or not raw:
        raise InvalidParams.of(field, "must be a non-empty string")
    if len(raw) > MAX_CANCELLATION_KEY:
        raise InvalidParams.of(field, f"must have at most {MAX_CANCELLATION_KEY} characters")
    return raw

"""What a trigger and a cancel request say, parsed and checked.

Source: Knock docs "Triggering workflows", "Canceling workflows"; limits of the API reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from domain.errors import FieldError, InvalidParams
from domain.json_types import JsonObject, JsonValue
from domain.recipients import InlineRecipient, combined, parse_recipient, parse_tenant
from domain.refs import RecipientRef

T = TypeVar("T")

MAX_RECIPIENTS = 1_000
MAX_DATA_BYTES = 10 * 1024 * 1024
MAX_CANCELLATION_KEY = 255


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request to run a workflow for recipients.

    Attributes:
        recipients: one entry a distinct recipient, in the order of the request.
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
    workflow_key: str, body: JsonObject, *, source_type: str = "api"
) -> TriggerRequest:
    """Read the body of a trigger.

    Args:
        workflow_key: from the path.
        body: decoded JSON object.
        source_type: `api`, or `rehearsal` for the test runner.

    Raises:
        InvalidParams: with every violation that was found.
    """
    violations = _Violations()
    recipients = violations.collect(lambda: _parse_recipients(body.get("recipients"))) or ()
    actor = violations.collect(lambda: _parse_optional(body.get("actor"), "actor"))
    tenant = violations.collect(lambda: _parse_tenant(body.get("tenant")))
    data = violations.collect(lambda: _parse_data(body.get("data"))) or {}
    settings = violations.collect(lambda: _parse_settings(body.get("settings"))) or {}
    key = violations.collect(lambda: _parse_key(body.get("cancellation_key"), required=False))
    violations.raise_if_any()
    source: JsonObject = {"type": source_type}
    if key is not None:
        source["cancellation_key"] = key
    return TriggerRequest(workflow_key, recipients, actor, tenant, data, key, settings, source)


def parse_cancel_request(workflow_key: str, body: JsonObject) -> CancelRequest:
    """Read the body of a cancel. Raises InvalidParams with every violation."""
    violations = _Violations()
    key = violations.collect(lambda: _parse_key(body.get("cancellation_key"), required=True))
    raw = body.get("recipients")
    recipients = None
    if raw is not None:
        recipients = violations.collect(
            lambda: tuple(entry.ref for entry in _parse_recipients(raw, least=0))
        )
    violations.raise_if_any()
    return CancelRequest(workflow_key, key or "", recipients)


class _Violations:
    """Gathers what several parsers complain about, so that a caller sees it all at once."""

    def __init__(self) -> None:
        self._errors: list[FieldError] = []

    def collect(self, parse: Callable[[], T]) -> T | None:
        """Run a parser; keep its complaints and answer None when it has any."""
        try:
            return parse()
        except InvalidParams as error:
            self._errors.extend(error.errors)
            return None

    def raise_if_any(self) -> None:
        """Raise one error with everything that was gathered."""
        if self._errors:
            first = self._errors[0]
            raise InvalidParams(self._errors, f"{first.field}: {first.message}")


def _parse_recipients(raw: JsonValue, *, least: int = 1) -> tuple[InlineRecipient, ...]:
    if not isinstance(raw, list):
        raise InvalidParams.of("recipients", "must be a list of recipients")
    if len(raw) < least:
        raise InvalidParams.of("recipients", "must name at least one recipient")
    if len(raw) > MAX_RECIPIENTS:
        raise InvalidParams.of("recipients", f"must name at most {MAX_RECIPIENTS} recipients")
    violations = _Violations()
    distinct: dict[RecipientRef, InlineRecipient] = {}
    for index, entry in enumerate(raw):
        parsed = violations.collect(partial(parse_recipient, entry, f"recipients[{index}]"))
        if parsed is not None:
            distinct[parsed.ref] = combined(distinct.get(parsed.ref), parsed)
    violations.raise_if_any()
    return tuple(distinct.values())


def _parse_optional(raw: JsonValue, name: str) -> InlineRecipient | None:
    return None if raw is None else parse_recipient(raw, name)


def _parse_tenant(raw: JsonValue) -> InlineRecipient | None:
    return None if raw is None else parse_tenant(raw, "tenant")


def _parse_data(raw: JsonValue) -> JsonObject:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidParams.of("data", "must be an object")
    # Characters never outnumber bytes, so most requests need no exact count.
    encoded = json.dumps(raw, ensure_ascii=False)
    if len(encoded) > MAX_DATA_BYTES // 4 and len(encoded.encode()) > MAX_DATA_BYTES:
        raise InvalidParams.of("data", "must be at most 10 MB")
    return raw


def _parse_settings(raw: JsonValue) -> JsonObject:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidParams.of("settings", "must be an object")
    settings: JsonObject = {}
    for name in ("sandbox_mode", "skip_delay"):
        value = raw.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidParams.of(f"settings.{name}", "must be true or false")
        if value:
            settings[name] = True
    return settings


def _parse_key(raw: JsonValue, *, required: bool) -> str | None:
    if raw is None and not required:
        return None
    if not isinstance(raw, str) or not raw:
        raise InvalidParams.of("cancellation_key", "must be a non-empty string")
    if len(raw) > MAX_CANCELLATION_KEY:
        raise InvalidParams.of(
            "cancellation_key", f"must have at most {MAX_CANCELLATION_KEY} characters"
        )
    return raw

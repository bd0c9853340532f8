"""What the callbacks of e-mail vendors have in common."""

from __future__ import annotations

import base64
import hmac

from domain.deliveries.reports import Callback, NotGenuine, ReportedStatus, StatusReport
from domain.kit.json_types import JsonValue
from outbound.redaction import parse_json
from providers.rest import text_at

MESSAGE_ID = "knock_message_id"


def events_of(callback: Callback) -> list[JsonValue]:
    """Return the events in a callback: its body, or each entry of it. Raises ValueError."""
    body = parse_json(callback.raw.decode("utf-8", "replace"))
    if isinstance(body, list):
        return body
    if isinstance(body, dict):
        return [body]
    raise ValueError("must be an event or a list of events")


def report_of(
    event: JsonValue,
    status: ReportedStatus | None,
    *,
    message: tuple[str | int, ...],
    external: tuple[str | int, ...],
    details: tuple[str | int, ...],
    address: tuple[str | int, ...] | None = None,
) -> list[StatusReport]:
    """Write what an event says.

    At paths into it are our id, the vendor's, its words, and whose mailbox it is about.
    """
    message_id = text_at(event, *message)
    if status is None or message_id is None:
        return []
    external_id = text_at(event, *external)
    mailbox = None if address is None else text_at(event, *address)
    return [StatusReport(message_id, status, external_id, text_at(event, *details), mailbox)]


def check_password(callback: Callback, password: str) -> None:
    """Check the password of basic authentication. Raises NotGenuine."""
    scheme, _, encoded = callback.headers.get("authorization", "").partition(" ")
    try:
        login = base64.b64decode(encoded, validate=True)
    except ValueError:
        login = b""
    given = login.partition(b":")[2]
    if scheme.lower() != "basic" or not hmac.compare_digest(given, password.encode()):
        raise NotGenuine

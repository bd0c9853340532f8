"""Text messages by Twilio (Twilio docs: "Messages resource", "Error and warning dictionary")."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.channels.overrides import merged
from domain.deliveries.delivery import Bounced, Delivery, Outcome
from domain.deliveries.reports import Callback, NotGenuine, ReportedStatus, StatusReport
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.asking import AskedProvider, AskedSettings, Told
from providers.rest import form_request, object_of, text_at, with_login
from providers.sms.api import SmsApi, number_of

_API = "https://api.twilio.com"
# Not a number, not one for text messages, or of somebody who has replied STOP.
_BAD_NUMBER = frozenset({"21211", "21614", "21610"})
_TOO_MANY = "20429"
# What becomes of a message that was taken: its number is one that nobody has, or a landline.
_NOBODYS_NUMBER = _BAD_NUMBER | {"30005", "30006"}
_ARRIVED = frozenset({"delivered", "read"})
_FAILED = frozenset({"failed", "undelivered"})
# The query parameter of our address that says which message it is about.
_MESSAGE = "message"


class TwilioSettings(AskedSettings):
    """What an operator sets.

    `from_number` is a phone number, a short code, an alphanumeric sender, or the SID of a messaging
    service, which begins with MG.
    """

    account_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
    auth_token: SecretStr
    from_number: str


class Twilio(SmsApi[TwilioSettings], AskedProvider[TwilioSettings]):
    """The `twilio` provider."""

    id: ClassVar[str] = "twilio"
    service_name: ClassVar[str] = "Twilio"
    Settings: ClassVar[type[BaseModel]] = TwilioSettings
    takes_callback_url: ClassVar[bool] = True
    # Twilio signs with what it knows its customer by.
    callback_key: ClassVar[str] = "auth_token"

    def build_request(self, delivery: Delivery, settings: TwilioSettings) -> httpx.Request:
        """Write the request, a form."""
        sender = "MessagingServiceSid" if settings.from_number.startswith("MG") else "From"
        fields: JsonObject = {
            "To": number_of(delivery),
            sender: settings.from_number,
            "Body": delivery.content.get("body") or "",
        }
        if delivery.callback_url is not None:
            named = urlencode({_MESSAGE: delivery.message_id})
            fields["StatusCallback"] = f"{delivery.callback_url}?{named}"
        form: dict[str, Any] = merged(fields, delivery.content.get("overrides"))
        account = settings.account_id
        url = f"{settings.base_url or _API}/2010-04-01/Accounts/{account}/Messages.json"
        return form_request(url, form, user=account, password=settings.auth_token)

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the SID."""
        body = object_of(answer)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(body, "sid"))
        code = text_at(body, "code")
        if code in _BAD_NUMBER:
            raise Bounced(f"Twilio rejected the number (error {code}).", answer.exchange)
        if code == _TOO_MANY:
            raise retry_of(answer, now=self._context.clock())
        raise failure_of(answer, now=self._context.clock())

    def build_check(
        self, delivery: Delivery, settings: TwilioSettings, external_id: str
    ) -> httpx.Request:
        """Ask for the message."""
        account, name = settings.account_id, quote(external_id, safe="")
        base = settings.base_url or _API
        url = f"{base}/2010-04-01/Accounts/{account}/Messages/{name}.json"
        return with_login(httpx.Request("GET", url), account, settings.auth_token)

    def parse_check(self, body: JsonObject, delivery: Delivery) -> Told:
        """Read its status."""
        found = _status_of(text_at(body, "status"), text_at(body, "error_code"))
        return found or (None, None)

    async def read_callback(self, callback: Callback, auth_token: str | None) -> list[StatusReport]:
        """Read a status callback (Twilio docs: "Outbound message status in status callbacks").

        Raises NotGenuine, and ValueError for what is no form.
        """
        try:
            pairs = parse_qsl(
                callback.raw.decode(), keep_blank_values=True, strict_parsing=True, errors="strict"
            )
        except ValueError:
            raise ValueError("is not a Twilio event") from None
        _check(callback, pairs, auth_token)
        form, query = dict(pairs), dict(parse_qsl(urlsplit(callback.url).query))
        found = _status_of(form.get("MessageStatus"), form.get("ErrorCode"))
        message_id = query.get(_MESSAGE)
        if found is None or message_id is None:
            return []
        status, details = found
        return [StatusReport(message_id, status, form.get("MessageSid"), details)]


def _status_of(status: str | None, error: str | None) -> tuple[ReportedStatus, str | None] | None:
    """Return what a status of Twilio's says for good, in its words; None while it is under way."""
    if status in _ARRIVED:
        return DeliveryStatus.DELIVERED, None
    if status not in _FAILED:
        return None
    words = f"Twilio says: {status}" + (f", error {error}." if error else ".")
    if error in _NOBODYS_NUMBER or (not error and status == "failed"):
        return DeliveryStatus.BOUNCED, words
    return DeliveryStatus.UNDELIVERED, words


def _check(callback: Callback, pairs: Sequence[tuple[str, str]], key: str | None) -> None:
    """Check a signature of the address and the form (Twilio docs: "Webhooks security").

    Raises NotGenuine.
    """
    form = "".join(name + value for name, value in sorted(set(pairs)))
    given = callback.headers.get("x-twilio-signature", "").encode()
    if not key or not any(
        hmac.compare_digest(_signature(url + form, key), given) for url in _spellings(callback.url)
    ):
        raise NotGenuine


def _signature(text: str, key: str) -> bytes:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest())


def _spellings(url: str) -> set[str]:
    """Return an address with its port and without: Twilio signs it in either way."""
    parts = urlsplit(url)
    place, colon, port = parts.netloc.rpartition(":")
    host = place if colon and port.isdigit() else parts.netloc
    usual = "443" if parts.scheme == "https" else "80"
    with_port = f"{host}:{port}" if host == place else f"{host}:{usual}"
    return {url, *(urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, with_port))}

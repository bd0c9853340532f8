"""Push notifications by Apple (Apple docs: "Sending notification requests to APNs")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

import httpx
import jwt
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from domain.channels.overrides import merged
from domain.channels.types import ChannelType
from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Outcome, Refused
from domain.messages.statuses import DeliveryStatus
from outbound.client_certificates import CLIENT_CERTIFICATE, ClientCertificate
from outbound.http import Answer, failure_of, retry_of
from outbound.transport import NEEDS_HTTP2
from providers.base import ProviderContext, read_settings
from providers.push.apns_keys import (
    belongs,
    check_certificate,
    check_private_key,
    check_signing_key,
    read_certificate,
    read_signing_key,
)
from providers.push.payloads import apple_payload, device_of
from providers.rest import RestProvider, RestSettings, object_of, text_at
from providers.tokens import Token, Tokens

_SERVERS = {
    "production": "https://api.push.apple.com",
    "sandbox": "https://api.sandbox.push.apple.com",
}
# Apple takes a token for an hour, and not a new one more often than every twenty minutes.
_TOKEN_LIFE = timedelta(minutes=50)
_UNREGISTERED_CODES = frozenset(
    {"Unregistered", "ExpiredToken", "BadDeviceToken", "DeviceTokenNotForTopic"}
)
_TOO_OLD = "ExpiredProviderToken"
# Key, its id, the team and the bundle do not belong together, or certificate, bundle and mode.
_MISCONFIGURED_CODES = frozenset(
    {
        "InvalidProviderToken",
        "MissingProviderToken",
        "BadEnvironmentKeyIdInToken",
        "BadCertificate",
        "BadCertificateEnvironment",
        "BadTopic",
        "MissingTopic",
        "TopicDisallowed",
    }
)


_BY_TOKEN = ("key_id", "team_id", "signing_key")
_BY_CERTIFICATE = ("certificate", "private_key")


class ApnsSettings(RestSettings):
    """What an operator sets: the app; and a signing key of its team, or a certificate of the app's.

    Both are as Apple hands them out, the certificate and its private key as PEM.
    """

    bundle_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{10}$")] | None = None
    team_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{10}$")] | None = None
    signing_key: Annotated[SecretStr | None, AfterValidator(check_signing_key)] = None
    certificate: Annotated[SecretStr | None, AfterValidator(check_certificate)] = None
    private_key: Annotated[SecretStr | None, AfterValidator(check_private_key)] = None
    mode: Literal["production", "sandbox"] = "production"

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Mapping[str, str]:
        """There is one way to prove who we are, and all of it."""
        if not any(given.get(name) for name in _BY_CERTIFICATE):
            missing = "is required unless the channel has a certificate"
            return {name: missing for name in _BY_TOKEN if not given.get(name)}
        found = {
            name: "is required with a certificate"
            for name in _BY_CERTIFICATE
            if not given.get(name)
        }
        if given.get("signing_key"):
            found["signing_key"] = "cannot be combined with a certificate"
        if not found and not belongs(given["private_key"], given["certificate"]):
            found["private_key"] = "does not match the certificate"
        return found


class Apns(RestProvider[ApnsSettings]):
    """The `push_apns` provider; keeps the tokens that it has signed."""

    id: ClassVar[str] = "push_apns"
    channel_type: ClassVar[ChannelType] = ChannelType.PUSH
    service_name: ClassVar[str] = "APNs"
    Settings: ClassVar[type[BaseModel]] = ApnsSettings

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self._tokens = Tokens()

    async def send(self, delivery: Delivery) -> Outcome:
        """Send to one device; a token that Apple finds too old is thrown away."""
        settings = read_settings(ApnsSettings, delivery, check_combinations=True)
        request = self.build_request(delivery, settings)
        certificate = self._certificate(settings)
        if certificate is not None:
            request.extensions[CLIENT_CERTIFICATE] = certificate
            return self.parse_response(await self._call(request, settings), delivery)
        secrets, token = self._token(settings)
        request.headers["authorization"] = f"bearer {token.value}"
        answer = await self._call(request, settings, more_secrets=[token.value])
        if _reason(answer) == _TOO_OLD:  # Apple takes few new ones
            self._tokens.forget(secrets, token)
        return self.parse_response(answer, delivery)

    def server(self, delivery: Delivery) -> str:
        """Name the server: one for what is in the store, and one for what is not."""
        if delivery.settings.get("base_url"):
            return super().server(delivery)
        return f"{self.id}/{delivery.settings.get('mode') or 'production'}"

    def _certificate(self, settings: ApnsSettings) -> ClientCertificate | None:
        """Return the certificate of the app, if it has one. Raises Misconfigured: it has ended."""
        if settings.certificate is None or settings.private_key is None:
            return None
        document = settings.certificate.get_secret_value()
        ends = read_certificate(document).not_valid_after_utc
        if ends <= self._context.clock():
            raise Misconfigured(f"The certificate expired on {ends.date()}.")
        return ClientCertificate(document, settings.private_key.get_secret_value())

    def _token(self, settings: ApnsSettings) -> tuple[str, Token]:
        now = self._context.clock()
        # Settings without a certificate have all three.
        key = settings.signing_key.get_secret_value() if settings.signing_key else ""
        secrets = "\0".join((settings.team_id or "", settings.key_id or "", key))
        known = self._tokens.find(secrets, now)
        if known is None:
            value = jwt.encode(
                {"iss": settings.team_id, "iat": now},
                read_signing_key(key),
                algorithm="ES256",
                headers={"kid": settings.key_id},
            )
            known = self._tokens.keep(secrets, Token(value, now + _TOKEN_LIFE), now)
        return secrets, known

    def build_request(self, delivery: Delivery, settings: ApnsSettings) -> httpx.Request:
        """Write the request, still without what proves who we are."""
        is_silent = bool(delivery.content.get("silent"))
        overrides = dict(delivery.content.get("overrides") or {})
        more = overrides.pop("headers", None)
        headers = {
            "apns-id": delivery.message_id,
            "apns-topic": settings.bundle_id,
            "apns-push-type": "background" if is_silent else "alert",
            "apns-priority": "5" if is_silent else "10",
            **_headers(more),
        }
        base = settings.base_url or _SERVERS[settings.mode]
        return httpx.Request(
            "POST",
            f"{base}/3/device/{quote(device_of(delivery), safe='')}",
            headers=headers,
            json=merged(apple_payload(delivery), overrides),
            extensions={NEEDS_HTTP2: True},
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id of the notification; a device that is gone bounces with its token."""
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, answer.headers.get("apns-id"))
        reason = _reason(answer)
        if reason in _UNREGISTERED_CODES or answer.status_code == 410:
            told = f"APNs does not know the device ({reason or answer.status_code})."
            raise Bounced(told, answer.exchange, token=str(delivery.content.get("token")))
        if reason in _MISCONFIGURED_CODES:
            raise Misconfigured(
                f"APNs rejected the credentials for this bundle id ({reason}).", answer.exchange
            )
        if reason == _TOO_OLD:
            # It has just been thrown away; the next attempt signs another.
            raise retry_of(answer, now=self._context.clock())
        if reason == "PayloadTooLarge":
            raise Refused("The notification is larger than APNs accepts.", answer.exchange)
        raise failure_of(answer, now=self._context.clock())


def _reason(answer: Answer) -> str | None:
    return None if answer.is_success else text_at(object_of(answer), "reason")


def _headers(overrides: Any) -> dict[str, str]:
    """Return those of the overridden headers that are Apple's. Raises Refused for what is none."""
    if overrides is None:
        return {}
    if not isinstance(overrides, dict):
        raise Refused("`headers` of payload_overrides must be an object.")
    given = {str(name).lower(): str(value) for name, value in overrides.items()}
    ours = {name: value for name, value in given.items() if name.startswith("apns-")}
    if not all(part.isascii() and part.isprintable() for pair in ours.items() for part in pair):
        raise Refused("`headers` of payload_overrides may contain printable ASCII only.")
    return ours

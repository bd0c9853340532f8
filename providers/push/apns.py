"""Push notifications by Apple (Apple docs: "Sending notification requests to APNs")."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

import httpx
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from domain.channels.types import ChannelType
from domain.messages.delivery import Bounced, Delivery, Misconfigured, Outcome, Refused
from domain.messages.statuses import DeliveryStatus
from outbound.egress import NEEDS_HTTP2
from outbound.http import Answer, failure_of, retry_of
from providers.base import ProviderContext, read_settings
from providers.push.payloads import apple_payload, device_of
from providers.rest import RestProvider, RestSettings, merged, object_of, text_at
from providers.tokens import Token, Tokens

_SERVERS = {
    "production": "https://api.push.apple.com",
    "sandbox": "https://api.sandbox.push.apple.com",
}
# Apple takes a token for an hour, and not a new one more often than every twenty minutes.
_TOKEN_LIFE = timedelta(minutes=50)
_GONE = frozenset({"Unregistered", "ExpiredToken", "BadDeviceToken", "DeviceTokenNotForTopic"})
_TOO_OLD = "ExpiredProviderToken"
# Key, its id, the team and the bundle do not belong together.
_WRONG = frozenset(
    {
        "InvalidProviderToken",
        "MissingProviderToken",
        "BadEnvironmentKeyIdInToken",
        "BadTopic",
        "MissingTopic",
        "TopicDisallowed",
    }
)


def _signing_key(secret: SecretStr) -> SecretStr:
    try:
        _read_key(secret.get_secret_value())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("must be a signing key (.p8) of Apple's") from None
    return secret


class ApnsSettings(RestSettings):
    """What an operator sets: the app, and a signing key of its team."""

    bundle_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{10}$")]
    team_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{10}$")]
    signing_key: Annotated[SecretStr, AfterValidator(_signing_key)]
    mode: Literal["production", "sandbox"] = "production"


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
        settings = read_settings(ApnsSettings, delivery)
        request = self.build_request(delivery, settings)
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

    def _token(self, settings: ApnsSettings) -> tuple[str, Token]:
        now, key = self._context.clock(), settings.signing_key.get_secret_value()
        secrets = "\0".join((settings.team_id, settings.key_id, key))
        known = self._tokens.find(secrets, now)
        if known is None:
            value = jwt.encode(
                {"iss": settings.team_id, "iat": now},
                _read_key(key),
                algorithm="ES256",
                headers={"kid": settings.key_id},
            )
            known = self._tokens.keep(secrets, Token(value, now + _TOKEN_LIFE))
        return secrets, known

    def build_request(self, delivery: Delivery, settings: ApnsSettings) -> httpx.Request:
        """Write the request, still without its token."""
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
        if reason in _GONE or answer.status_code == 410:
            told = f"APNs does not know the device ({reason or answer.status_code})."
            raise Bounced(told, answer.exchange, token=str(delivery.content.get("token")))
        if reason in _WRONG:
            raise Misconfigured(f"APNs does not take key and app ({reason}).", answer.exchange)
        if reason == _TOO_OLD:
            # It has just been thrown away; the next attempt signs another.
            raise retry_of(answer, now=self._context.clock())
        if reason == "PayloadTooLarge":
            raise Refused("The notification is larger than APNs takes.", answer.exchange)
        raise failure_of(answer, now=self._context.clock())


def _reason(answer: Answer) -> str | None:
    return None if answer.is_success else text_at(object_of(answer), "reason")


def _headers(overrides: Any) -> dict[str, str]:
    """Return those of the overridden headers that are Apple's. Raises Refused for what is none."""
    if overrides is None:
        return {}
    if not isinstance(overrides, dict):
        raise Refused("headers of payload_overrides is not an object.")
    given = {str(name).lower(): str(value) for name, value in overrides.items()}
    ours = {name: value for name, value in given.items() if name.startswith("apns-")}
    if not all(part.isascii() and part.isprintable() for pair in ours.items() for part in pair):
        raise Refused("headers of payload_overrides may hold printable ASCII only.")
    return ours


# Settings are read for each message, and a key takes longer to read than a request to write.
@lru_cache(maxsize=64)
def _read_key(document: str) -> ec.EllipticCurvePrivateKey:
    """Read a signing key. Raises ValueError, TypeError and UnsupportedAlgorithm."""
    key = load_pem_private_key(document.strip().encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("the key is not one for ES256")
    return key

"""Push notifications by Firebase Cloud Messaging (Firebase docs: "HTTP v1 API", "ErrorCode")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, ClassVar

import httpx
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from domain.channels.overrides import merged
from domain.channels.types import ChannelType
from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Outcome
from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.pushed_data import flat
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.base import ProviderContext, read_settings
from providers.push.payloads import device_of, google_message
from providers.rest import RestProvider, RestSettings, listed, object_of, text_at
from providers.tokens import Token, Tokens

_API = "https://fcm.googleapis.com"
_TOKENS = "https://oauth2.googleapis.com/token"
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFE = timedelta(hours=1)
# Google's tokens live for an hour; one is asked for anew a little before.
_TOKEN_LIFE = timedelta(minutes=50)
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_UNREGISTERED_CODES = frozenset({"UNREGISTERED", "SENDER_ID_MISMATCH"})
# Said of a token that is none, and as well of a message that is too big or has a wrong key.
_INVALID = "INVALID_ARGUMENT"


def _account(secret: SecretStr) -> SecretStr:
    try:
        _read_account(secret.get_secret_value())
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        raise ValueError("must be the JSON key of a service account") from None
    return secret


class FcmSettings(RestSettings):
    """What an operator sets: the project, and the JSON key of a service account of it."""

    project_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]+$")]
    service_account: Annotated[SecretStr, AfterValidator(_account)]


@dataclass(frozen=True, slots=True)
class _Account:
    email: str
    key: rsa.RSAPrivateKey
    tokens: str


class Fcm(RestProvider[FcmSettings]):
    """The `push_fcm` provider; keeps the access tokens of its service accounts."""

    id: ClassVar[str] = "push_fcm"
    channel_type: ClassVar[ChannelType] = ChannelType.PUSH
    service_name: ClassVar[str] = "FCM"
    Settings: ClassVar[type[BaseModel]] = FcmSettings

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self._tokens = Tokens()

    async def send(self, delivery: Delivery) -> Outcome:
        """Send to one device; a token that Google no longer takes is thrown away."""
        settings = read_settings(FcmSettings, delivery)
        request = self.build_request(delivery, settings)
        secret = settings.service_account.get_secret_value()
        token = await self._access_token(secret, settings)
        request.headers["authorization"] = f"Bearer {token.value}"
        answer = await self._call(request, settings, more_secrets=[token.value])
        if answer.status_code == 401:
            self._tokens.forget(secret, token)
        return self.parse_response(answer, delivery)

    async def _access_token(self, secret: str, settings: FcmSettings) -> Token:
        now = self._context.clock()
        known = self._tokens.find(secret, now)
        if known is None:
            account = _read_account(secret)
            body = {"grant_type": _GRANT, "assertion": _assertion(account, now)}
            request = httpx.Request("POST", account.tokens, data=body)
            answer = await self._call(request, settings, more_secrets=[body["assertion"]])
            value = text_at(object_of(answer), "access_token")
            if not answer.is_success or value is None:
                if 400 <= answer.status_code < 500 and answer.status_code != 429:
                    reason = "Google rejected the service account."
                    raise Misconfigured(reason, answer.exchange)
                raise failure_of(answer, now=now)
            known = self._tokens.keep(secret, Token(value, now + _TOKEN_LIFE), now)
        return known

    def build_request(self, delivery: Delivery, settings: FcmSettings) -> httpx.Request:
        """Write the request, still without its access token."""
        message = {"token": device_of(delivery), **google_message(delivery)}
        message = merged(message, delivery.content.get("overrides"))
        if isinstance(message.get("data"), dict):
            message["data"] = flat(message["data"])
        base = settings.base_url or _API
        url = f"{base}/v1/projects/{settings.project_id}/messages:send"
        return httpx.Request("POST", url, json={"message": message})

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the name of the message; a device that is gone bounces with its token."""
        body = object_of(answer)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(body, "name"))
        codes = {text_at(detail, "errorCode") or "" for detail in _details(body, _FCM_ERROR)}
        gone = codes & _UNREGISTERED_CODES
        if _means_device(body):
            gone |= codes & {_INVALID}
        if gone:
            reason = f"FCM does not know the device ({', '.join(sorted(gone))})."
            raise Bounced(reason, answer.exchange, token=str(delivery.content.get("token")))
        if answer.status_code == 401:
            # The access token has just been thrown away; the next attempt asks for another.
            raise retry_of(answer, now=self._context.clock())
        raise failure_of(answer, now=self._context.clock())


def _details(body: JsonObject, kind: str) -> list[JsonValue]:
    """Return the details of one kind that an error has."""
    details = listed(body, "error", "details")
    return [detail for detail in details if text_at(detail, "@type") == kind]


def _means_device(body: JsonObject) -> bool:
    """Tell whether the argument that is wrong is the token: by the words, or by the field."""
    if "registration token" in (text_at(body, "error", "message") or "").lower():
        return True
    return any(
        text_at(violation, "field") == "message.token"
        for detail in _details(body, _BAD_REQUEST)
        for violation in listed(detail, "fieldViolations")
    )


# Settings are read for each message, and a key takes longer to read than a request to write.
@lru_cache(maxsize=64)
def _read_account(document: str) -> _Account:
    """Read the JSON key of a service account. Raises ValueError, TypeError and KeyError."""
    given = json.loads(document)
    key = load_pem_private_key(str(given["private_key"]).encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the key is not an RSA key")
    return _Account(str(given["client_email"]), key, str(given.get("token_uri") or _TOKENS))


def _assertion(account: _Account, now: datetime) -> str:
    """Write a signed claim to be the service account (RFC 7523)."""
    claims = {
        "iss": account.email,
        "scope": _SCOPE,
        "aud": account.tokens,
        "iat": now,
        "exp": now + _ASSERTION_LIFE,
    }
    return jwt.encode(claims, account.key, algorithm="RS256")

"""Proof that an event comes from its source: a signature of the bytes sent, or a shared token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import AfterValidator

from domain.kit.shapes import ReplaceUnreadable, Shape, Text

# Where a scheme signs the time, an older event may be somebody else's copy.
TOLERANCE_SECONDS = 300
_MAX_SECRET = 1_024


class VerificationIn(Shape):
    """How a source signs what it sends to one environment.

    `hmac` signs the body and puts the signature into `header`; `stripe` and `standard_webhooks`
    are the schemes of that name; `token` sends the secret itself in `header`.
    """

    scheme: Literal["hmac", "stripe", "standard_webhooks", "token"]
    secret: Annotated[Text, Field(min_length=1, max_length=_MAX_SECRET)]
    header: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(str.lower)] = Field(
        "x-signature", description="The header, for `hmac` and `token`."
    )
    algorithm: Literal["sha1", "sha256", "sha512"] = Field("sha256", description="Of `hmac`.")
    encoding: Literal["hex", "base64"] = Field("hex", description="Of `hmac`.")
    prefix: str = Field("", max_length=100, description="For `hmac`: the prefix of the value.")
    replace_unreadable: ReplaceUnreadable = False

    def described(self) -> dict[str, str]:
        """Return how it signs: all of it but the secret."""
        return self.model_dump(exclude={"secret", "replace_unreadable"})


def is_genuine(
    scheme: Mapping[str, str],
    secret: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    now: float,
) -> bool:
    """Tell whether the holder of the secret has sent an event.

    Args:
        scheme: as `VerificationIn.described` wrote it.
        secret: what is shared.
        body: the bytes as they came.
        headers: by name in small letters.
        now: epoch seconds.
    """
    match scheme.get("scheme"):
        case "token":
            return _same(headers.get(scheme["header"], "").removeprefix("Bearer "), secret)
        case "hmac":
            digest = hmac.new(secret.encode(), body, scheme["algorithm"]).digest()
            is_hex = scheme["encoding"] == "hex"
            wanted = digest.hex() if is_hex else base64.b64encode(digest).decode()
            given = headers.get(scheme["header"], "").removeprefix(scheme["prefix"])
            return _same(given.lower() if is_hex else given, wanted)
        case "stripe":
            return _is_of_stripe(secret, body, headers.get("stripe-signature", ""), now)
        case "standard_webhooks":
            return _is_standard(secret, body, headers, now)
    return False


def _is_of_stripe(secret: str, body: bytes, header: str, now: float) -> bool:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    at = next((value for name, _, value in pairs if name == "t"), "")
    if not _is_recent(at, now):
        return False
    wanted = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(_same(value, wanted) for name, _, value in pairs if name == "v1")


def _is_standard(secret: str, body: bytes, headers: Mapping[str, str], now: float) -> bool:
    name = "svix" if "svix-id" in headers else "webhook"
    event_id, at, given = (
        headers.get(f"{name}-{part}", "") for part in ("id", "timestamp", "signature")
    )
    if not event_id or not _is_recent(at, now):
        return False
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    signed = f"{event_id}.{at}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(_same(each.removeprefix("v1,"), wanted) for each in given.split())


def _is_recent(at: str, now: float) -> bool:
    return at.isdecimal() and len(at) < 16 and abs(int(at) - now) <= TOLERANCE_SECONDS


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())

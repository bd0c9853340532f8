"""Signs requests to Amazon Web Services (AWS docs: "Signature Version 4").

Ours, because the vendor's own library is large, synchronous, and would be used for this alone.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Annotated, TypeVar
from urllib.parse import quote

import httpx
from pydantic import Field, SecretStr

from domain.deliveries.delivery import Delivery
from providers.rest import RestProvider, RestSettings

S = TypeVar("S", bound="AwsSettings")

_ALGORITHM = "AWS4-HMAC-SHA256"


class AwsSettings(RestSettings):
    """What an operator sets of every service: a region, and the keys of a user who may use it."""

    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr | None = None

    def sign(self, request: httpx.Request, service: str, now: datetime) -> httpx.Request:
        """Sign a request to a service of the region with these keys."""
        token = self.session_token
        return sign_request(
            request,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key.get_secret_value(),
            session_token=token.get_secret_value() if token else None,
            region=self.region,
            service=service,
            now=now,
        )


class AwsProvider(RestProvider[S]):
    """A provider of AWS, which has a server in each region."""

    def server(self, delivery: Delivery) -> str:
        """Name the region's server."""
        chosen = super().server(delivery)
        return chosen if chosen != self.id else f"{self.id}/{delivery.settings.get('region')}"


def sign_request(
    request: httpx.Request,
    *,
    access_key_id: str,
    secret_access_key: str,
    session_token: str | None,
    region: str,
    service: str,
    now: datetime,
) -> httpx.Request:
    """Add the headers that prove whose request it is: all of its headers are signed."""
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    request.headers["x-amz-date"] = stamp
    if session_token:
        request.headers["x-amz-security-token"] = session_token
    signed = {
        name.lower(): " ".join(value.split())
        for name, value in sorted(request.headers.items())
        if name.lower() == "host" or name.lower().startswith(("x-amz-", "content-type"))
    }
    names = ";".join(signed)
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(request.url.params.multi_items())
    )
    canonical = "\n".join(
        (
            request.method,
            quote(request.url.path, safe="/-_.~"),
            query,
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            names,
            hashlib.sha256(request.content).hexdigest(),
        )
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join((_ALGORITHM, stamp, scope, digest))
    key = f"AWS4{secret_access_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    request.headers["authorization"] = (
        f"{_ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return request

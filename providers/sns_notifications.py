"""What Amazon SNS sends to an address, and whether it is genuine.

Source: Amazon SNS docs, "Verifying the signatures of Amazon SNS messages", "HTTP/HTTPS subscription
confirmation JSON format".
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate, load_pem_x509_certificate

from domain.deliveries.delivery import DeliveryFailure, Refused
from domain.deliveries.reports import Callback, NotGenuine, NotNow
from outbound.http import Answer, call, failure_of
from outbound.redaction import parse_json
from providers.base import ProviderContext

_NOTIFICATION, _CONFIRMATION = "Notification", "SubscriptionConfirmation"
_OF_SUBSCRIPTION = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
# What of each type is signed, in this order; a notification may lack its subject.
_SIGNED = {
    _NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    _CONFIRMATION: _OF_SUBSCRIPTION,
    "UnsubscribeConfirmation": _OF_SUBSCRIPTION,
}
_MAY_LACK = frozenset({"Subject"})
# SHA-1 is what SNS signs with unless a topic says otherwise.
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303 - the vendor's choice
    "2": hashes.SHA256(),
}
# A region's own name, for others hand out what anybody has written: `sns.s3-us-west-2` is a bucket.
_HOST = re.compile(r"sns\.[a-z]{2,4}(-[a-z]+)+-[0-9]+\.amazonaws\.com(\.cn)?")
# The servers of SNS also answer with words of whoever asks, so a certificate is only read where
# they give out theirs, and only from an answer that is nothing else.
_CERTIFICATE_PATH = re.compile(rb"/SimpleNotificationService-[0-9A-Za-z]+\.pem")
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_CONFIRM = "ConfirmSubscription"
# Certificates are changed about once a year; one that is kept is asked for again twice a day.
_KEPT = timedelta(hours=12)
_MOST_KEPT = 32


@dataclass(frozen=True, slots=True)
class _Kept:
    certificate: Certificate
    until: datetime


class SnsNotifications:
    """Reads notifications, and keeps the certificates that they are signed with."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context
        self._certificates: dict[str, _Kept] = {}

    async def read(self, callback: Callback, topic: str | None) -> str | None:
        """Return the text of a notification; None for what is about the subscription itself.

        A subscription is confirmed, however often SNS asks for that.

        Args:
            callback: the request of SNS.
            topic: the ARN of the only topic that is listened to; None for any.

        Raises:
            NotGenuine: it is not signed by SNS, or of another topic.
            NotNow: SNS does not give its certificate, or does not take the confirmation.
            ValueError: it is nothing that SNS sends.
        """
        body = parse_json(callback.raw.decode("utf-8", "replace"))
        if not isinstance(body, dict):
            raise ValueError("is not an SNS event")  # noqa: TRY004 - as of other vendors
        fields = {name: value for name, value in body.items() if isinstance(value, str)}
        kind = fields.get("Type", "")
        await self._check(fields, kind)
        if topic is not None and fields["TopicArn"] != topic:
            raise NotGenuine
        if kind == _CONFIRMATION:
            await self._confirm(fields)
        return fields["Message"] if kind == _NOTIFICATION else None

    async def _check(self, fields: dict[str, str], kind: str) -> None:
        """Check the signature of a request. Raises NotGenuine and NotNow."""
        names = _SIGNED.get(kind, ())
        algorithm = _HASHES.get(fields.get("SignatureVersion", ""))
        missing = [name for name in names if name not in fields and name not in _MAY_LACK]
        if not names or missing or algorithm is None:
            raise NotGenuine
        signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
        certificate = await self._certificate(fields.get("SigningCertURL", ""))
        try:
            signature = base64.b64decode(fields.get("Signature", ""), validate=True)
            key = cast(RSAPublicKey, certificate.public_key())
            key.verify(signature, signed.encode(), PKCS1v15(), algorithm)
        except (InvalidSignature, ValueError):
            raise NotGenuine from None

    async def _certificate(self, url: str) -> Certificate:
        """Return the certificate at an address of SNS. Raises NotGenuine and NotNow."""
        now = self._context.clock()
        kept = self._certificates.get(url)
        if kept is None or kept.until <= now:
            address = _address_of(url)
            if _CERTIFICATE_PATH.fullmatch(address.raw_path) is None:
                raise NotGenuine
            answer = await self._get(address)
            if not answer.body.startswith(_CERTIFICATE):
                raise NotGenuine
            try:
                certificate = load_pem_x509_certificate(answer.body)
                is_rsa = isinstance(certificate.public_key(), RSAPublicKey)
            except (ValueError, UnsupportedAlgorithm):
                raise NotGenuine from None
            if not is_rsa:
                raise NotGenuine
            if len(self._certificates) >= _MOST_KEPT:
                self._certificates.clear()
            kept = self._certificates[url] = _Kept(certificate, now + _KEPT)
        certificate = kept.certificate
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise NotGenuine
        return certificate

    async def _confirm(self, fields: dict[str, str]) -> None:
        """Confirm a subscription of the topic that asks, and do nothing else for it.

        Raises:
            NotGenuine: the address is for something else.
            NotNow: SNS does not take it.
        """
        address = _address_of(fields["SubscribeURL"])
        wanted = {"Action": _CONFIRM, "TopicArn": fields["TopicArn"], "Token": fields["Token"]}
        asked = address.params.multi_items()
        if (
            address.path != "/"
            or len(asked) != len(dict(asked))
            or not (wanted.items() <= dict(asked).items())
        ):
            raise NotGenuine
        await self._get(address)

    async def _get(self, address: httpx.URL) -> Answer:
        """Ask SNS itself. Raises NotGenuine and NotNow."""
        try:
            answer = await call(
                self._context.http,
                httpx.Request("GET", address),
                service_name="Amazon SNS",
                timeout=self._context.timeouts.answer,
                connect=self._context.timeouts.connect,
            )
        except DeliveryFailure as error:
            raise NotNow(error.reason) from None
        if answer.is_success:
            return answer
        failure = failure_of(answer, now=self._context.clock())
        raise (NotGenuine if isinstance(failure, Refused) else NotNow)(failure.reason)


def _address_of(url: str) -> httpx.URL:
    """Read an address of SNS. Raises NotGenuine: whoever signs elsewhere is somebody else."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise NotGenuine from None
    is_plain = (
        parsed.scheme == "https"
        and parsed.port is None
        and not parsed.userinfo
        and not parsed.fragment
    )
    if not is_plain or _HOST.fullmatch(parsed.host) is None:
        raise NotGenuine
    return parsed

"""Sends e-mail through any SMTP server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Annotated, ClassVar, Self, cast
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTPException
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from domain.channels.email import EmailContent
from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, Exchange, Misconfigured, Outcome, Retry
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus
from outbound.egress import EgressRefused, HostUnresolved
from outbound.redaction import Redactor
from providers.base import ProviderContext, ProviderSettings, read_settings
from providers.email.mime import Mail, build_mail
from providers.email.smtp_errors import failure_of, logged_reply
from providers.email.smtp_pool import SmtpPool
from providers.email.smtp_session import Endpoint, Security, connect
from providers.secrets import secret_values

SERVICE_NAME = "SMTP"
_SCHEMES = ("smtp", "smtps")
_DEFAULT_PORTS: dict[Security, int] = {"none": 25, "starttls": 587, "tls": 465}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SmtpSettings(ProviderSettings):
    """Where the mail server is: `url`, or host and the rest; single fields win over the URL.

    Without `security` it is `tls` for `smtps://` and port 465, `starttls` for port 587 and
    wherever credentials would cross a network, and otherwise `none`.
    """

    url: SecretStr | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    username: str | None = None
    password: SecretStr | None = None
    security: Security | None = None
    helo_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-\[\]:]+$")] | None = None
    connections: Annotated[int, Field(ge=1, le=100)] = 10

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return value
        try:
            url = urlsplit(value.get_secret_value())
            is_good = url.scheme in _SCHEMES and bool(url.hostname) and url.port != 0
        except ValueError:
            is_good = False
        if not is_good:
            raise ValueError("must look like smtp://user:password@host:port or smtps://…")
        return value

    @model_validator(mode="after")
    def _check_host(self) -> Self:
        if not self.host and self.url is None:
            raise ValueError("`host` or `url` is required")
        return self

    def endpoint(self) -> Endpoint:
        """Say where and as whom to connect."""
        url = urlsplit(self.url.get_secret_value() if self.url else "")
        host = self.host or url.hostname or ""
        username = self.username or unquote(url.username or "") or None
        password = (
            self.password.get_secret_value() if self.password else unquote(url.password or "")
        )
        port = self.port or url.port
        security: Security = "none"
        if self.security is not None:
            security = self.security
        elif url.scheme == "smtps" or port == _DEFAULT_PORTS["tls"]:
            security = "tls"
        elif port == _DEFAULT_PORTS["starttls"] or (username and host not in _LOOPBACK):
            security = "starttls"
        return Endpoint(
            host=host,
            port=port or _DEFAULT_PORTS[security],
            security=security,
            username=username,
            password=password if username else None,
            helo_name=self.helo_name,
        )

    def secrets(self) -> list[str]:
        """List what must never be logged."""
        return [*secret_values(self), self.endpoint().password or ""]


class Smtp:
    """The `smtp` provider. Connections are kept for a few seconds, one pool per server."""

    id: ClassVar[str] = "smtp"
    channel_type: ClassVar[ChannelType] = ChannelType.EMAIL
    service_name: ClassVar[str] = SERVICE_NAME
    Settings: ClassVar[type[BaseModel]] = SmtpSettings

    def __init__(self, context: ProviderContext) -> None:
        self._context = context
        self._pools: dict[tuple[Endpoint, int], SmtpPool] = {}
        self._tls: ssl.SSLContext | None = None

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one e-mail; `external_id` is its Message-ID, the same at every attempt."""
        settings = read_settings(SmtpSettings, delivery)
        endpoint = settings.endpoint()
        redactor = Redactor(settings.secrets())
        content = cast(EmailContent, delivery.content)
        files, now = delivery.attachments, self._context.clock()
        if files:
            # Megabytes are encoded: not here, where everybody would wait.
            mail = await asyncio.to_thread(build_mail, content, delivery.message_id, now, files)
        else:
            mail = build_mail(content, delivery.message_id, now)
        request = log_mail(mail, endpoint, redactor, files)
        try:
            receipt = await self._pool(endpoint, settings.connections).send(mail)
        except HostUnresolved:
            reason = "The mail server's name cannot be resolved."
            raise Retry(reason, Exchange(SERVICE_NAME, request)) from None
        except EgressRefused as error:
            reason = f"The mail server must not be contacted: {error}."
            raise Misconfigured(reason, Exchange(SERVICE_NAME, request)) from None
        except (SMTPException, OSError) as error:
            exchange = Exchange(SERVICE_NAME, request, logged_reply(error, redactor))
            raise failure_of(error, exchange, redactor) from None
        except ValueError:
            # What neither a resolver nor the protocol can carry, for example a label over 63 bytes.
            raise Misconfigured("The mail server's name is not valid.") from None
        refused = {address: redactor.text(why) for address, why in receipt.refused_copies.items()}
        reply = redactor.text(receipt.reply)
        body = {"message": reply, "refused_recipients": refused} if refused else reply
        return Outcome(
            status=DeliveryStatus.SENT,
            exchange=Exchange(SERVICE_NAME, request, {"status": 250, "headers": {}, "body": body}),
            external_id=mail.message_id,
        )

    def server(self, delivery: Delivery) -> str:
        """Name the mail server: deliveries to it are limited together. Raises Misconfigured."""
        return read_settings(SmtpSettings, delivery).endpoint().netloc

    def _pool(self, endpoint: Endpoint, size: int) -> SmtpPool:
        key = (endpoint, size)
        if key not in self._pools:
            # Settings change: forget the servers that nobody talks to any more.
            self._pools = {k: pool for k, pool in self._pools.items() if not pool.is_unused}
            timeouts, guard = self._context.timeouts, self._context.guard
            self._pools[key] = SmtpPool(
                lambda: connect(endpoint, timeouts, self._tls_context, guard), size=size
            )
        return self._pools[key]

    def _tls_context(self) -> ssl.SSLContext:
        # Loading the authorities takes some 20 ms of CPU: once per process, not per connection.
        if self._tls is None:
            self._tls = self._context.tls()
        return self._tls

    async def aclose(self) -> None:
        """Close the connections to all mail servers."""
        for pool in self._pools.values():
            await pool.aclose()


def log_mail(
    mail: Mail, endpoint: Endpoint, redactor: Redactor, files: Sequence[Attachment] = ()
) -> JsonObject:
    """Write an e-mail as the request that the delivery log's shape asks for.

    SMTP has no path: the envelope stands there. The body is the message's content and not
    repeated; in its place stand its size, its files, and the addresses that were left out.
    """
    attached = [{"name": redactor.text(each.name), "size": len(each.content)} for each in files]
    left_out = {
        kind: [redactor.text(entry) for entry in entries] for kind, entries in mail.left_out.items()
    }
    recipients = ",".join(f"<{address}>" for address in (*mail.to, *mail.copies))
    return {
        "method": "POST",
        "host": endpoint.netloc,
        "path": f"MAIL FROM:<{mail.sender}> RCPT TO:{recipients}",
        "query": None,
        "headers": redactor.headers(mail.headers),
        "body": {
            "bytes": len(mail.data),
            **({"attachments": attached} if attached else {}),
            **({"left_out": left_out} if left_out else {}),
        },
    }

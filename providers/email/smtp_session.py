"""One conversation with a mail server: connect, announce the envelope, hand over the data."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from outbound.egress import Guard
from providers.base import Timeouts
from providers.email.mime import Mail

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom to connect; connections are shared by what is equal here."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    helo_name: str | None = None

    @property
    def netloc(self) -> str:
        """Return host and port as a delivery log shows them."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server's last words, and which copies it refused, with its words."""

    reply: str
    refused_copies: dict[str, str]


async def connect(
    endpoint: Endpoint, timeouts: Timeouts, tls: Callable[[], ssl.SSLContext], guard: Guard
) -> SMTP:
    """Connect, secure the connection and log in, all as `endpoint` says.

    Raises what the guard and aiosmtplib raise; nothing stays open then.
    """
    smtp = SMTP(
        hostname=endpoint.host,  # for the certificate; the guard has dialled
        use_tls=endpoint.security == "tls",
        start_tls=endpoint.security == "starttls",
        tls_context=None if endpoint.security == "none" else tls(),
        username=endpoint.username,
        password=endpoint.password,
        # Never the default: looking up the full name may wait for a name server that is away.
        local_hostname=endpoint.helo_name or socket.gethostname(),
        timeout=timeouts.answer,
    )
    connection = await guard.dial(endpoint.host, endpoint.port, timeouts.connect)
    try:
        await smtp.connect(sock=connection, timeout=timeouts.connect)
        if smtp.is_ehlo_or_helo_needed:  # STARTTLS and a login greet by themselves
            try:
                await smtp.ehlo()
            except SMTPHeloError:
                if not smtp.is_connected:
                    raise
                await smtp.helo()
    except BaseException:
        smtp.close()
        connection.close()
        raise
    return smtp


async def announce(smtp: SMTP, mail: Mail) -> dict[str, str]:
    """Send MAIL and RCPT; return the copies that were refused.

    A refused copy does not hold the message back: a repetition would send it to the others twice.
    Raises SMTPNotSupported when an address needs SMTPUTF8 and the server lacks it.
    """
    options = [f"SIZE={len(mail.data)}"] if smtp.supports_extension("size") else []
    encoding = "ascii"
    if mail.utf8:
        if not smtp.supports_extension("smtputf8"):
            raise SMTPNotSupported("the server does not accept addresses beyond ASCII")
        encoding = "utf-8"
        options.append("SMTPUTF8")
        if smtp.supports_extension("8bitmime"):
            options.append("BODY=8BITMIME")
    await smtp.mail(mail.sender, options=options, encoding=encoding)
    for address in mail.to:
        await smtp.rcpt(address, encoding=encoding)
    refused: dict[str, str] = {}
    for address in mail.copies:
        try:
            await smtp.rcpt(address, encoding=encoding)
        except SMTPRecipientRefused as error:
            refused[address] = f"{error.code} {error.message}"
    return refused


async def forget_envelope(smtp: SMTP) -> bool:
    """Reset the conversation after a refusal; False when the connection is of no use any more."""
    try:
        await smtp.rset()
    except (SMTPResponseException, OSError):
        return False
    return smtp.is_connected

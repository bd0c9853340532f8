"""Judges what a mail server, or the way to it, answered: try again, give up, or bounced."""

from __future__ import annotations

import re

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from domain.delivery import Bounced, DeliveryFailure, Exchange, Misconfigured, Refused, Retry
from domain.json_types import JsonObject
from providers.redaction import Redactor

# Basic codes by which a server says that there is no such mailbox (RFC 5321, 4.2.3).
_NO_MAILBOX = frozenset({550, 551, 553})
_BAD_CREDENTIALS = frozenset({530, 534, 535, 538})
# Enhanced codes (RFC 3463): X.1.X is about the address, X.7.X about security and policy.
_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.\d{1,3}\b")
_ADDRESS = "1"
_POLICY = "7"


def failure_of(error: Exception, exchange: Exchange, redactor: Redactor) -> DeliveryFailure:
    """Turn what aiosmtplib or the socket raised into what the caller has to do."""
    if isinstance(error, SMTPResponseException):
        kind, words = _judge_reply(error)
        return kind(f"{words}: {redactor.text(reply_text(error))}", exchange)
    if isinstance(error, (OSError, TimeoutError)):
        # Connecting, TLS and timeouts; also a host that cannot be resolved for now.
        return Retry(f"The mail server could not be reached ({type(error).__name__}).", exchange)
    if isinstance(error, SMTPNotSupported) and "ASCII" in str(error):
        return Refused("The mail server takes no addresses beyond ASCII.", exchange)
    return Misconfigured(
        f"The mail server does not offer what the settings ask for: {redactor.text(str(error))}",
        exchange,
    )


def _judge_reply(error: SMTPResponseException) -> tuple[type[DeliveryFailure], str]:
    if error.code < 500:  # malformed replies have the code -1
        return Retry, "The mail server asked to try again"
    if isinstance(error, SMTPAuthenticationError) and error.code in _BAD_CREDENTIALS:
        return Misconfigured, "The mail server did not accept the credentials"
    if isinstance(error, SMTPRecipientRefused) and is_bad_address(error):
        return Bounced, "The mail server does not know the recipient"
    return Refused, "The mail server refused the message"


def is_bad_address(error: SMTPRecipientRefused) -> bool:
    """Tell whether a permanent refusal of a recipient is about the address.

    Servers answer 550 as well for "relaying denied" and other policies; then an enhanced code of
    the class X.7.X says that the address is not to blame.
    """
    enhanced = _ENHANCED.match(error.message.lstrip())
    if enhanced and enhanced.group(1) == _ADDRESS:
        return True
    is_policy = enhanced is not None and enhanced.group(1) == _POLICY
    return error.code in _NO_MAILBOX and not is_policy


def reply_text(error: SMTPResponseException) -> str:
    """Write a reply as the server said it, code first."""
    return f"{error.code} {error.message}".replace("\n", " ")


def logged_reply(error: SMTPException | OSError, redactor: Redactor) -> JsonObject | None:
    """Write a failed reply for the delivery log; None when none came."""
    if not isinstance(error, SMTPResponseException):
        return None
    return {"status": error.code, "headers": {}, "body": redactor.text(error.message)}

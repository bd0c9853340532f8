"""Judges what a mail server, or the way to it, answered: try again, give up, or bounced."""

from __future__ import annotations

import re

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from domain.deliveries.delivery import (
    Bounced,
    DeliveryFailure,
    Exchange,
    Misconfigured,
    Refused,
    Retry,
)
from domain.kit.json_types import JsonObject
from outbound.redaction import Redactor

# Basic codes by which a server says that there is no such mailbox (RFC 5321, 4.2.3).
_NO_MAILBOX = frozenset({550, 551, 553})
_BAD_CREDENTIALS = frozenset({530, 534, 535, 538})
# Enhanced codes (RFC 3463): X.1.X is about the address, X.7.X about security and policy.
_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.\d{1,3}\b")
_ADDRESS = "1"
_POLICY = "7"
_MOST_WORDS = 500


def failure_of(error: Exception, exchange: Exchange, redactor: Redactor) -> DeliveryFailure:
    """Turn what aiosmtplib or the socket raised into what the caller has to do."""
    if isinstance(error, SMTPResponseException):
        kind, words = _judge_reply(error)
        said = reply_text(error, redactor)
        return kind(f"{words}: {said}" if said else f"{words}.", exchange)
    if isinstance(error, (OSError, TimeoutError)):
        # Connecting, TLS and timeouts; also a host that cannot be resolved for now.
        return Retry(f"The mail server could not be reached ({type(error).__name__}).", exchange)
    if isinstance(error, SMTPNotSupported) and "ASCII" in str(error):
        return Refused("The mail server does not accept addresses beyond ASCII.", exchange)
    return Misconfigured(
        f"The mail server does not support what the settings require: {redactor.text(str(error))}",
        exchange,
    )


def _judge_reply(error: SMTPResponseException) -> tuple[type[DeliveryFailure], str]:
    if not _is_reply(error):
        return Retry, "The server did not answer like a mail server"
    if isinstance(error, SMTPConnectResponseError):
        kind = Retry if error.code < 500 else Refused
        return kind, f"The mail server greeted us with {error.code}"
    if error.code < 500:
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


def reply_text(error: SMTPResponseException, redactor: Redactor) -> str:
    """Write a reply as the server said it, code first, in one printable line.

    Empty before the server has greeted us as a mail server does: what another kind of server says
    is none of the customer's business, who could look around our network that way.
    """
    if not _is_reply(error) or isinstance(error, SMTPConnectResponseError):
        return ""
    words = "".join(each if each.isprintable() else " " for each in redactor.text(error.message))
    return f"{error.code} {words}"[:_MOST_WORDS]


def logged_reply(error: SMTPException | OSError, redactor: Redactor) -> JsonObject | None:
    """Write a failed reply for the delivery log; None when none came."""
    if not isinstance(error, SMTPResponseException) or not _is_reply(error):
        return None
    words = reply_text(error, redactor).partition(" ")[2]
    return {"status": error.code, "headers": {}, "body": words}


def _is_reply(error: SMTPResponseException) -> bool:
    """Tell a refusal of a mail server from a line that is not a reply (its code is -1 or odd)."""
    return 400 <= error.code < 600 or (
        200 <= error.code < 400 and not isinstance(error, SMTPConnectResponseError)
    )

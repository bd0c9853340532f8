"""What the vendors of text messages have in common."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from domain.channels.types import ChannelType
from domain.messages.delivery import Bounced, Delivery
from providers.rest import RestProvider, RestSettings

S = TypeVar("S", bound=RestSettings)


class SmsApi(RestProvider[S]):
    """A vendor of text messages."""

    channel_type: ClassVar[ChannelType] = ChannelType.SMS


def number_of(delivery: Delivery) -> str:
    """Return the number that a message goes to. Raises Bounced when it cannot be one."""
    given = str(delivery.content.get("to") or "")
    number = "".join(character for character in given if character not in " -()./\u00a0")
    if not number.removeprefix("+").isdecimal() or not number.isascii():
        raise Bounced("The number is not a phone number.")
    return number

"""What the vendors of text messages have in common."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery
from providers.phone_numbers import read_number
from providers.rest import RestProvider, RestSettings

S = TypeVar("S", bound=RestSettings)


class SmsApi(RestProvider[S]):
    """A vendor of text messages."""

    channel_type: ClassVar[ChannelType] = ChannelType.SMS


def number_of(delivery: Delivery) -> str:
    """Return the number that a message goes to. Raises Bounced when it cannot be one."""
    return read_number(delivery.content.get("to"))

"""What vendors have in common that can be asked what became of a message."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, TypeVar

import httpx
from pydantic import BeforeValidator

from domain.deliveries.checks import Finding
from domain.deliveries.delivery import Delivery
from domain.deliveries.reports import ReportedStatus
from domain.kit.json_types import JsonObject
from outbound.http import failure_of
from providers.base import read_settings
from providers.rest import RestProvider, RestSettings, object_of

S = TypeVar("S", bound="AskedSettings")

Told = tuple[ReportedStatus | None, str | None]


def _stated(value: object) -> object:
    """Take an empty text for nothing: so a variable says that it has no value."""
    return None if isinstance(value, str) and not value.strip() else value


class AskedSettings(RestSettings):
    """Settings of a vendor that can be asked; `check_delivery_status` says that it is.

    Nothing is said by null and by an empty text, which were stored as long as nobody read them.
    """

    check_delivery_status: Annotated[bool | None, BeforeValidator(_stated)] = None


class AskedProvider(RestProvider[S]):
    """Asks by one call; subclasses write the request and read the answer."""

    @abstractmethod
    def build_check(self, delivery: Delivery, settings: S, external_id: str) -> httpx.Request:
        """Write the request for what the vendor calls `external_id`."""

    @abstractmethod
    def parse_check(self, body: JsonObject, delivery: Delivery) -> Told:
        """Read what became of the message for good, None while that is open, and why it failed."""

    async def check_status(self, delivery: Delivery, external_id: str) -> Finding:
        """Ask what became of a message that the vendor has taken.

        Raises a DeliveryFailure when it does not say.
        """
        settings: Any = read_settings(self.Settings, delivery)
        request = self.build_check(delivery, settings, external_id)
        answer = await self._call(request, settings)
        if not answer.is_success:
            raise failure_of(answer, now=self._context.clock())
        status, details = self.parse_check(object_of(answer), delivery)
        return Finding(status, details, answer.exchange)

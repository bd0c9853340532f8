"""Take what vendors tell of messages after they have taken them (Knock docs: "Delivery tracking").

A vendor is given an address for a channel and an environment, which says sealed whose it is, so
that nobody can guess one. It asks for no row, and works for as long as the secret key is kept that
has sealed it. A vendor that signs has to sign where the channel has its key, in the setting that
its provider names by `callback_key`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.deliveries.reports import Callback, NotGenuine, NotNow, StatusReport, final_reports
from domain.kit.errors import InvalidParams, NotFound, Unauthenticated, Unavailable, Unprocessable
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.storable import storable_object, storable_text
from domain.messages.statuses import PENDING_DELIVERY
from models.queries.channels.channels import get_channel, get_channel_here, get_sealed_settings
from models.queries.deliveries.reports import ReportedMessage, messages_known_as, take_reports
from providers.base import callback_key_of, tells_by_callback
from runtime.vault import BrokenSeal, CannotOpen
from services.channels.sealing import open_provider_settings
from services.channels.variables import fill_in
from services.deliveries.copies import without_copies
from services.engine import Engine
from services.waits.telling import hurry
from templating.limits import LiquidError

CALLBACKS_PATH = "/v1/integrations/callbacks"
_PURPOSE = "callbacks of a provider"
_NOWHERE = "There is no channel at this address."
_EARLY = "A message is still being handed over; try again."
# For this long, a name that nobody knows may be about to be stored. What else the vendor sends for
# its customer is named too, and must not be asked for again without end.
_YOUNG = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Place:
    environment_id: UUID
    channel_id: UUID


async def callback_id(engine: Engine, environment: EnvironmentScope, key: str) -> str:
    """Return the part of an address that names a channel in an environment; another each time.

    Raises:
        NotFound: there is no such channel.
        Unprocessable: `channel_invalid`, its provider tells nothing afterwards.
    """
    async with engine.connection() as connection:
        channel = await get_channel(connection, key)
    if channel is None:
        raise NotFound("The channel does not exist.")
    if not tells_by_callback(engine.providers.provider(channel.provider)):
        reason = f"The provider {channel.provider} has no callbacks that this version supports."
        raise Unprocessable(reason, code="channel_invalid")
    return _sealed(engine, environment.id, channel.id)


def callback_url(engine: Engine, environment_id: UUID, channel_id: UUID) -> str | None:
    """Return an address for a vendor that is given one with each message.

    None where no vendor could reach it, and would refuse the message for that.
    """
    address = engine.settings.public_address
    if not address.startswith("https://"):
        return None
    return f"{address}{CALLBACKS_PATH}/{_sealed(engine, environment_id, channel_id)}"


def _sealed(engine: Engine, environment_id: UUID, channel_id: UUID) -> str:
    document = {"environment": str(environment_id), "channel": str(channel_id)}
    sealed = engine.vault.seal(document, _PURPOSE)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


async def take_callback(engine: Engine, address: str, callback: Callback) -> int:
    """Take a request of a vendor; a repetition changes nothing.

    Returns:
        How many messages have another status now.

    Raises:
        NotFound: there is no such address, its channel is gone, or the key is that sealed it.
        Unauthenticated: `signature_invalid`, the vendor has not proved itself.
        InvalidParams: the body is no event of the vendor.
        Unavailable: a message is still being handed over, or may be, or what the vendor proves
            itself with cannot be read: come back.
    """
    place = _opened(engine, address)
    async with engine.connection() as connection:
        channel = await get_channel_here(connection, place.environment_id, place.channel_id)
        sealed = await get_sealed_settings(connection, place.environment_id, place.channel_id)
    if channel is None or sealed is None:
        raise NotFound(_NOWHERE)
    provider = engine.providers.provider(channel.provider)
    if not tells_by_callback(provider):
        raise NotFound(_NOWHERE)
    signing_key = await _signing_key(engine, place, sealed, callback_key_of(provider))
    try:
        reports = await provider.read_callback(callback, signing_key)
    except NotGenuine:
        reason = "The signature of the callback is missing or wrong."
        raise Unauthenticated(reason, code="signature_invalid") from None
    except NotNow as error:
        raise Unavailable("The callback cannot be verified now; try again.") from error
    except ValueError:
        raise InvalidParams.of("body", f"is not a valid {provider.service_name} event") from None
    return await _take(engine, place, reports)


def _opened(engine: Engine, address: str) -> _Place:
    """Read an address. Raises NotFound."""
    try:
        padding = "=" * (-len(address) % 4)
        sealed = base64.b64decode(address + padding, altchars=b"-_", validate=True)
        document = engine.vault.open(sealed, _PURPOSE)
    except (CannotOpen, binascii.Error, ValueError):
        # Anybody can write an address that names a key, so none is waited for.
        raise NotFound(_NOWHERE) from None
    return _Place(UUID(document["environment"]), UUID(document["channel"]))


async def _signing_key(engine: Engine, place: _Place, sealed: bytes, name: str) -> str | None:
    """Return the key that a vendor signs with. Raises Unavailable when it cannot be opened."""
    try:
        settings = open_provider_settings(
            engine.vault, sealed, place.channel_id, place.environment_id
        )
        wanted = {"key": settings.get(name)}
        filled = await fill_in(engine, place.environment_id, wanted)
    except (BrokenSeal, LiquidError) as error:
        # Nothing is taken unverified because a key is lost.
        raise Unavailable("The signing key of the channel cannot be read; try again.") from error
    key = filled.settings["key"]
    return key if isinstance(key, str) and key else None


async def _take(engine: Engine, place: _Place, reports: list[StatusReport]) -> int:
    owner = (place.environment_id, place.channel_id)
    names = {name for each in reports if (name := _name_in(each)) is not None}
    async with engine.connection() as connection:
        known = await messages_known_as(connection, *owner, names) if names else {}
        ours = {
            report: message_id
            for report in reports
            if (message_id := _id_of(report, known)) is not None
        }
        about = await without_copies(connection, *owner, ours)
    told = final_reports({report: ours[report] for report in about})
    changed = await _store(engine, place, told) if told else 0
    now = engine.clock()
    if any(_may_be_ours(each, known, now) for each in reports):
        raise Unavailable(_EARLY)
    return changed


async def _store(engine: Engine, place: _Place, told: Mapping[UUID, StatusReport]) -> int:
    """Give messages what was told of them. Raises Unavailable when one is still handed over."""
    rows: list[JsonObject] = [
        storable_object(
            {
                "message_id": str(message_id),
                "status": report.status.value,
                "external_id": report.external_id,
                "event_id": str(new_id()),
                "data": report.event_data,
            }
        )
        for message_id, report in told.items()
    ]
    async with engine.unit() as unit:
        found = await take_reports(
            unit.connection, place.environment_id, place.channel_id, rows, unit.now
        )
    changed = [message for message in found if message.has_changed]
    if changed:
        hurry(engine)
    if any(_is_early(message, told[message.id]) for message in found):
        # Our own record of the answer is about to be written; all that was taken stays.
        raise Unavailable(_EARLY)
    return len(changed)


def _name_in(report: StatusReport) -> str | None:
    """Return the name that a report says alone, if a message could have it."""
    name = report.external_id
    if report.message_id is not None or not name or storable_text(name) != name:
        return None
    return name


def _may_be_ours(report: StatusReport, known: Mapping[str, UUID], now: datetime) -> bool:
    """Tell whether our record of the answer that names a message may still be under way."""
    name = _name_in(report)
    if name is None or name in known or report.sent_at is None:
        return False
    return abs(now - report.sent_at) < _YOUNG


def _id_of(report: StatusReport, known: Mapping[str, UUID]) -> UUID | None:
    """Return which message a report is about; None when it can be none of ours.

    Args:
        report: what a vendor says.
        known: the messages that it has named by names of its own.
    """
    if report.message_id is None:
        return known.get(report.external_id or "")
    try:
        return UUID(report.message_id)
    except ValueError:
        return None


def _is_early(message: ReportedMessage, report: StatusReport) -> bool:
    """Tell whether a report overtook what its vendor answered when it took the e-mail."""
    is_pending = message.delivery_status in PENDING_DELIVERY
    return is_pending and (message.external_id is None or report.external_id != message.external_id)

"""What a provider is, and what it is given: one vendor for one channel type.

A provider is constructed once per worker process and keeps no state but its connections; the
settings come with each delivery, because every environment has its own.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, TypeGuard, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from domain.channels.types import ChannelType
from domain.deliveries.checks import Finding
from domain.deliveries.delivery import Delivery, Misconfigured, Outcome
from domain.deliveries.reports import Callback, StatusReport
from domain.kit.clock import Clock, utc_now
from outbound.egress import EgressPolicy, Guard

S = TypeVar("S", bound=BaseModel)

# The setting by which a channel has its vendor asked.
CHECKS = "check_delivery_status"
_USUAL_CALLBACK_KEY = "webhook_signing_key"
# Has settings judged beside each other too.
CHECK_COMBINATIONS: Mapping[str, bool] = {"check_combinations": True}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long providers wait, in seconds.

    Attributes:
        connect: for a connection, TLS included.
        answer: for the whole answer of a vendor's API, or one reply of an SMTP server.
        webhook: for the whole answer of a customer's endpoint (Knock docs: "Webhook channels").
    """

    connect: float = 10.0
    answer: float = 30.0
    webhook: float = 50.0


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What every provider of a process shares.

    Attributes:
        http: the client for all HTTP calls; `outbound.transport.guarded_client` builds it.
        timeouts: how long to wait.
        clock: tells the time for signatures, dates and `Retry-After`.
        tls: makes the TLS settings of connections that are not HTTP.
        guard: opens the connections that are not HTTP; by default to public addresses only.
    """

    http: httpx.AsyncClient
    timeouts: Timeouts = field(default_factory=Timeouts)
    clock: Clock = utc_now
    tls: Callable[[], ssl.SSLContext] = httpx.create_ssl_context
    guard: Guard = field(default_factory=lambda: Guard(EgressPolicy()))


class ProviderSettings(BaseModel):
    """Base of all settings models; secrets are `SecretStr`, and errors never quote a value."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong with settings beside each other, by the one that has to change.

        They are looked at as they were given: what each of them says, its type judges. It is asked
        when settings are saved (`CHECK_COMBINATIONS`), and for a message only where its provider
        wants that: what a message has no need of must not keep it back.
        """
        return {}

    @model_validator(mode="wrap")
    @classmethod
    def _judged_together(
        cls, given: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Name every fault at its place: those of single settings, and conflicts among them."""
        together = isinstance(given, dict) and info.context == CHECK_COMBINATIONS
        conflicts = cls.conflicts(given) if together else {}
        faults = [
            InitErrorDetails(type=PydanticCustomError("conflict", message), loc=(name,), input=None)
            for name, message in conflicts.items()
        ]
        try:
            settings = handler(given)
        except ValidationError as error:
            if not faults:
                raise
            faults += [
                InitErrorDetails(
                    type=PydanticCustomError(fault["type"], fault["msg"]),
                    loc=fault["loc"],
                    input=None,
                )
                for fault in error.errors(include_url=False, include_input=False)
                if fault["loc"][:1] not in {(name,) for name in conflicts}
            ]
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults, hide_input=True)
        return settings


class Provider(Protocol):
    """One vendor for one channel type.

    A provider whose settings or contents say which server is called may also have a method
    `server(delivery) -> str` that names it: deliveries to one server are limited together, and
    left alone together when it does not answer. Without it all deliveries of the provider are.

    Attributes:
        id: the wire name, as in a channel's `provider`.
        channel_type: the family of channels that it serves.
        service_name: the vendor's name, as delivery logs show it.
        Settings: the pydantic model of one environment's settings.
    """

    id: ClassVar[str]
    channel_type: ClassVar[ChannelType]
    service_name: ClassVar[str]
    Settings: ClassVar[type[BaseModel]]

    def __init__(self, context: ProviderContext) -> None: ...

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand the message over once. Raises a DeliveryFailure when it was not taken."""
        ...

    async def aclose(self) -> None:
        """Close what the provider itself keeps open; the shared client is not its own."""
        ...


class AsksItsVendor(Provider, Protocol):
    """A provider whose vendor can be asked; its settings say by `check_delivery_status` if it is.

    Optional, like `server`.
    """

    async def check_status(self, delivery: Delivery, external_id: str) -> Finding:
        """Ask what became of a message. Raises a DeliveryFailure when the vendor does not say."""
        ...


class TellsByCallback(Provider, Protocol):
    """A provider whose vendor tells afterwards what becomes of messages. Optional as well.

    It may have two more attributes: `callback_key`, the name of the setting that its vendor proves
    itself with where that is not `webhook_signing_key`; and `takes_callback_url`, true where each
    delivery is to bring the address that the vendor tells.
    """

    async def read_callback(self, callback: Callback, key: str | None, /) -> list[StatusReport]:
        """Read what the vendor tells.

        Args:
            callback: its request.
            key: the setting that it proves itself with; None where the channel has none.

        Raises:
            NotGenuine: the proof is missing or wrong.
            NotNow: what it proves itself with cannot be had now.
            ValueError: it is no event of the vendor.
        """
        ...


def tells_by_callback(provider: Provider) -> TypeGuard[TellsByCallback]:
    """Tell whether the vendor of a provider has callbacks that it reads."""
    return hasattr(provider, "read_callback")


def callback_key_of(provider: TellsByCallback) -> str:
    """Name the setting that the vendor of a provider proves itself with."""
    return str(getattr(provider, "callback_key", _USUAL_CALLBACK_KEY))


def takes_callback_url(provider: Provider) -> bool:
    """Tell whether the vendor of a provider is given an address with each message."""
    return bool(getattr(provider, "takes_callback_url", False))


def is_asked(provider: Provider, delivery: Delivery) -> TypeGuard[AsksItsVendor]:
    """Tell whether a channel wants its vendor to be asked. Raises Misconfigured."""
    if not hasattr(provider, "check_status"):
        return False
    return bool(getattr(read_settings(provider.Settings, delivery), CHECKS, False))


def server_of(provider: Provider, delivery: Delivery) -> str:
    """Name the server that a delivery goes to.

    Vendors with one API for everybody say nothing; they are their own server.
    """
    name = getattr(provider, "server", None)
    return str(name(delivery)) if callable(name) else str(provider.id)


def host_of(url: str, otherwise: str) -> str:
    """Name the server that a URL leads to, without credentials; `otherwise` if it is malformed."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return otherwise


def read_settings(model: type[S], delivery: Delivery, *, check_combinations: bool = False) -> S:
    """Read the settings of a delivery. Raises Misconfigured naming the fields, not the values.

    Args:
        model: of the settings.
        delivery: whose.
        check_combinations: whether no message can be sent where they are in conflict with each
            other.
    """
    try:
        return model.model_validate(
            delivery.settings, context=CHECK_COMBINATIONS if check_combinations else None
        )
    except ValidationError as error:
        faults = (
            f"{'.'.join(str(part) for part in fault['loc']) or 'settings'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_context=False)
        )
        raise Misconfigured("The channel's settings are wrong: " + "; ".join(faults)) from None

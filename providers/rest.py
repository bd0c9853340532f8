"""What providers with an HTTP API have in common: one call for each message."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import AfterValidator, BaseModel, SecretStr

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, Outcome
from domain.kit.json_types import JsonObject, JsonValue
from outbound.http import Answer, call
from providers.base import ProviderContext, ProviderSettings, host_of, read_settings
from providers.secrets import secret_values

S = TypeVar("S", bound="RestSettings")

_LAST_PORT = 65_535


def _base_url(url: str | None) -> str | None:
    if url is not None and not _is_address(url):
        raise ValueError("must be an address such as https://api.example.com")
    return url.rstrip("/") if url else None


def _is_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    is_whole = bool(parsed.host) and (parsed.port or 0) <= _LAST_PORT
    return is_whole and url.startswith(("https://", "http://")) and "?" not in url


ServerAddress = Annotated[str | None, AfterValidator(_base_url)]


class RestSettings(ProviderSettings):
    """Settings of a vendor with an HTTP API; `base_url` leads to another server than its own."""

    base_url: ServerAddress = None


class RestProvider(ABC, Generic[S]):
    """Sends each message by one call; subclasses write the request and read the answer."""

    id: ClassVar[str]
    channel_type: ClassVar[ChannelType]
    service_name: ClassVar[str]
    Settings: ClassVar[type[BaseModel]]

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    @abstractmethod
    def build_request(self, delivery: Delivery, settings: S) -> httpx.Request:
        """Write the request. Raises a DeliveryFailure for what cannot be sent."""

    @abstractmethod
    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the answer. Raises a DeliveryFailure when the message was not taken."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand the message over once."""
        settings: Any = read_settings(self.Settings, delivery)
        request, shown = await self._requests(delivery, settings)
        secrets = self.secrets_of(delivery)
        answer = await self._call(request, settings, more_secrets=secrets, shown=shown)
        return self.parse_response(answer, delivery)

    async def _requests(
        self, delivery: Delivery, settings: S
    ) -> tuple[httpx.Request, httpx.Request]:
        """Return the request, and the one that the delivery log shows: without what is in files."""
        if not delivery.attachments:
            request = self.build_request(delivery, settings)
            return request, request
        # Megabytes are encoded: not here, where everybody would wait.
        request = await asyncio.to_thread(self.build_request, delivery, settings)
        return request, self.build_request(delivery.without_contents(), settings)

    def secrets_of(self, delivery: Delivery) -> Iterable[str]:
        """Return what no log may show of a delivery, beside the secrets of the settings."""
        return ()

    def server(self, delivery: Delivery) -> str:
        """Name the server: deliveries to it are limited together."""
        chosen = delivery.settings.get("base_url")
        return host_of(chosen, self.id) if isinstance(chosen, str) and chosen else self.id

    async def aclose(self) -> None:
        """Do nothing: the connections are the shared client's."""

    async def _call(
        self,
        request: httpx.Request,
        settings: BaseModel,
        *,
        more_secrets: Iterable[str] = (),
        shown: httpx.Request | None = None,
    ) -> Answer:
        return await call(
            self._context.http,
            request,
            service_name=self.service_name,
            timeout=self._context.timeouts.answer,
            connect=self._context.timeouts.connect,
            secrets=[*secret_values(settings), *more_secrets],
            shown=shown,
        )


def form_request(
    url: str,
    fields: Mapping[str, Any],
    *,
    user: str,
    password: SecretStr,
    files: Sequence[tuple[str, tuple[str, bytes, str]]] = (),
) -> httpx.Request:
    """Write a form with a login; a list is the field several times.

    With files (field, name, content, type) it is one of several parts.
    """
    if files:
        request = httpx.Request("POST", url, data=dict(fields), files=list(files))
        request.read()
    else:
        request = httpx.Request(
            "POST",
            url,
            headers={"content-type": "application/x-www-form-urlencoded"},
            content=urlencode(fields, doseq=True).encode(),
        )
    return with_login(request, user, password)


def with_login(request: httpx.Request, user: str, password: SecretStr) -> httpx.Request:
    """Add the login of basic authentication."""
    return next(httpx.BasicAuth(user, password.get_secret_value()).auth_flow(request))


def object_of(answer: Answer) -> JsonObject:
    """Return the body of an answer; one that is not a JSON object is empty."""
    body = answer.json()
    return body if isinstance(body, dict) else {}


def text_at(value: JsonValue, *path: str | int) -> str | None:
    """Return the text at a path in an answer, or None; nothing about the answer raises."""
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def listed(value: JsonValue, *path: str) -> list[JsonValue]:
    """Return the list at a path in an answer; none is an empty one."""
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []

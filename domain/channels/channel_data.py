"""What somebody stores about themselves for a channel: devices, connections, tokens.

Source: Knock docs, "Setting channel data"; Knock API reference, ChannelDataRequest and ChannelData.
Each provider has a shape of its own. What is read back is more than what was said: of devices their
tokens too, and of tokens the devices that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.channels.types import ChannelType
from domain.kit.json_types import JsonObject, JsonValue, encoded_size
from domain.kit.shapes import Members, Shape, Wrong, read_shape
from domain.kit.violations import Violations

MAX_DATA_BYTES = 256 * 1024
TOO_LARGE = "must have at most 256 kB"


def _is_uuid(text: str) -> str:
    try:
        UUID(text)
    except ValueError:
        raise Wrong("must be a UUID") from None
    return text


def _web_address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise Wrong("must be an https:// URL")
    return text


_Token = Annotated[str, Field(min_length=1)]
_Url = Annotated[str, AfterValidator(_web_address)]


class ChannelDataIn(Shape):
    """What is stored for a channel; a subclass says what its provider knows.

    At least one of the members of `required` has to be there.
    """

    required: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _has_something(self) -> Self:
        if self.required and all(getattr(self, name) is None for name in self.required):
            raise Wrong(f"must have one of: {', '.join(self.required)}")
        return self

    def stored(self) -> JsonObject:
        """Return what is kept: the members that were given."""
        return self.model_dump(mode="json", exclude_unset=True)

    @classmethod
    def shown(cls, stored: JsonObject) -> JsonObject:
        """Return what is read back of anything that was ever stored; refuses nothing."""
        return stored


class DeviceIn(Shape):
    """A device by its token."""

    token: _Token
    locale: str | None = None
    timezone: str | None = None


class AwsDeviceIn(Shape):
    """A device by its ARN."""

    target_arn: _Token
    locale: str | None = None
    timezone: str | None = None


class _Devices(ChannelDataIn):
    """Devices, each by a name; or their names alone."""

    list_name: ClassVar[str]
    name: ClassVar[str]

    @classmethod
    def shown(cls, stored: JsonObject) -> JsonObject:
        """Return the names, and a device for each of them."""
        given = {
            device[cls.name]: device
            for device in _listed(stored, "devices")
            if isinstance(device, dict) and isinstance(device.get(cls.name), str)
        }
        names = [name for name in _listed(stored, cls.list_name) if isinstance(name, str)]
        names = list(dict.fromkeys([*names, *given]))
        devices = [
            {
                cls.name: name,
                "locale": given.get(name, {}).get("locale"),
                "timezone": given.get(name, {}).get("timezone"),
            }
            for name in names
        ]
        return {cls.list_name: names, "devices": devices}


class PushDataIn(_Devices):
    """Tokens of devices (APNs, FCM, Expo)."""

    required: ClassVar[tuple[str, ...]] = ("tokens", "devices")
    list_name: ClassVar[str] = "tokens"
    name: ClassVar[str] = "token"

    tokens: list[_Token] | None = None
    devices: list[DeviceIn] | None = None


class AwsSnsDataIn(_Devices):
    """ARNs of devices (Amazon SNS)."""

    required: ClassVar[tuple[str, ...]] = ("target_arns", "devices")
    list_name: ClassVar[str] = "target_arns"
    name: ClassVar[str] = "target_arn"

    target_arns: list[_Token] | None = None
    devices: list[AwsDeviceIn] | None = None


class OneSignalDataIn(ChannelDataIn):
    """Ids of players."""

    player_ids: list[Annotated[str, AfterValidator(_is_uuid)]]

    @classmethod
    def shown(cls, stored: JsonObject) -> JsonObject:
        """Return the ids."""
        return {"player_ids": _listed(stored, "player_ids")}


class IncomingWebhookIn(Shape):
    """An address that messages are posted to."""

    url: _Url


class ConnectionIn(Shape):
    """Where messages go: an incoming webhook, or what a subclass says."""

    incoming_webhook: IncomingWebhookIn | None = None


class _Connections(ChannelDataIn):
    beside: ClassVar[str | None] = None

    @classmethod
    def shown(cls, stored: JsonObject) -> JsonObject:
        """Return the connections, and what belongs to all of them; a tenant has the latter only."""
        connections = [each for each in _listed(stored, "connections") if isinstance(each, dict)]
        whole = {} if cls.beside is None else {cls.beside: stored.get(cls.beside)}
        return {"connections": connections, **whole}


class SlackConnectionIn(ConnectionIn):
    """A channel or a person in Slack, or an incoming webhook."""

    access_token: str | None = None
    channel_id: str | None = None
    channel_name: str | None = None
    user_id: str | None = None


class SlackTokenIn(Shape):
    """The token of a workspace."""

    access_token: str | None


def _of_older_clients(connection: JsonValue) -> JsonValue:
    """Read an incoming webhook as it was written before it had a member of its own."""
    if isinstance(connection, dict) and "url" in connection:
        webhook = {"url": connection["url"]}
        return {"incoming_webhook": webhook, **connection}
    return connection


class SlackDataIn(_Connections):
    """Connections to Slack; of a tenant the token of its workspace."""

    required: ClassVar[tuple[str, ...]] = ("connections", "token")
    beside: ClassVar[str | None] = "token"

    connections: list[Annotated[SlackConnectionIn, BeforeValidator(_of_older_clients)]] | None = (
        None
    )
    token: SlackTokenIn | None = None


class MsTeamsConnectionIn(ConnectionIn):
    """A channel or a person in Teams, or an incoming webhook; Teams' own ids are not UUIDs."""

    ms_teams_tenant_id: str | None = None
    ms_teams_team_id: str | None = None
    ms_teams_channel_id: str | None = None
    ms_teams_user_id: str | None = None


class MsTeamsDataIn(_Connections):
    """Connections to Teams; of a tenant its id there."""

    required: ClassVar[tuple[str, ...]] = ("connections", "ms_teams_tenant_id")
    beside: ClassVar[str | None] = "ms_teams_tenant_id"

    connections: list[MsTeamsConnectionIn] | None = None
    ms_teams_tenant_id: str | None = None


class DiscordConnectionIn(ConnectionIn):
    """A channel in Discord, or an incoming webhook."""

    channel_id: _Token | None = None

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.channel_id is None and self.incoming_webhook is None:
            raise Wrong("must have one of: channel_id, incoming_webhook")
        return self


class DiscordDataIn(_Connections):
    """Connections to Discord."""

    connections: list[DiscordConnectionIn]


# Knock's providers, each with what it stores.
SHAPES: Mapping[str, type[ChannelDataIn]] = {
    "push_fcm": PushDataIn,
    "push_apns": PushDataIn,
    "push_expo": PushDataIn,
    "push_aws_sns": AwsSnsDataIn,
    "push_one_signal": OneSignalDataIn,
    "chat_slack": SlackDataIn,
    "chat_ms_teams": MsTeamsDataIn,
    "chat_discord": DiscordDataIn,
}
# What is stored for a channel, as documents have it; for channels of webhooks that is anything.
AnyChannelData: TypeAlias = (
    PushDataIn
    | AwsSnsDataIn
    | OneSignalDataIn
    | SlackDataIn
    | MsTeamsDataIn
    | DiscordDataIn
    | dict[str, Any]
)
# Vendors of chat who find people by their phone numbers.
BY_PHONE_NUMBER = frozenset({"chat_whatsapp"})
# What tells the shape of what is stored where the provider does not, the sandbox's for example.
_BY_MEMBER: Mapping[str, type[ChannelDataIn]] = {
    "player_ids": OneSignalDataIn,
    "target_arns": AwsSnsDataIn,
    "ms_teams_tenant_id": MsTeamsDataIn,
    "token": SlackDataIn,
    "connections": SlackDataIn,
    "tokens": PushDataIn,
    "devices": PushDataIn,
}
# What channels of a type may store; the first is that of a channel of which nothing else is known.
_OF_TYPE: Mapping[str, tuple[type[ChannelDataIn], ...]] = {
    ChannelType.PUSH: (PushDataIn, AwsSnsDataIn, OneSignalDataIn),
    ChannelType.CHAT: (SlackDataIn, MsTeamsDataIn),
}


def takes_data(channel_type: str, provider: str) -> bool:
    """Tell whether anything is stored for a channel: by e-mail people have an address."""
    if provider in BY_PHONE_NUMBER:
        return False
    return provider in SHAPES or channel_type in (*_OF_TYPE, ChannelType.HTTP)


def read_data(channel_type: str, provider: str, given: JsonObject, field: str) -> JsonObject:
    """Return what is to be stored for a channel.

    Args:
        channel_type: of the channel.
        provider: of the channel.
        given: what a request says.
        field: where it says so.

    Raises:
        InvalidParams: with everything that is wrong with it at its place.
    """
    violations = Violations()
    if encoded_size(given) > MAX_DATA_BYTES:
        violations.add(field, TOO_LARGE)
    shape = _shape_of(channel_type, provider, given)
    read = None if shape is None else violations.read(read_shape, shape, given, field=field)
    violations.raise_any()
    return given if read is None else read.stored()


def shown_data(channel_type: str, provider: str, stored: JsonObject) -> JsonObject:
    """Return what is read back; refuses nothing."""
    shape = _shape_of(channel_type, provider, stored)
    return stored if shape is None else shape.shown(stored)


def check_unknown(given: JsonObject, field: str) -> JsonObject:
    """Check what is stored for a channel of which only the id is known, by the members it has.

    Args:
        given: what a request says.
        field: where it says so.

    Returns:
        It, in the form of now; what the shape does not know is kept, which may be a wrong guess.

    Raises:
        InvalidParams: with everything that is wrong with it at its place.
    """
    shape = next(_by_members(given), None)
    if shape is not None:
        read_shape(shape, given, field=field)
    if shape is SlackDataIn and given.get("connections"):
        return {**given, "connections": list(map(_of_older_clients, given["connections"]))}
    return given


def _shape_of(channel_type: str, provider: str, data: JsonObject) -> type[ChannelDataIn] | None:
    """Return the shape of a channel's data; None for one that stores whatever it is given."""
    if provider in SHAPES or channel_type not in _OF_TYPE:
        return SHAPES.get(provider)
    shapes = _OF_TYPE[channel_type]
    return next((shape for shape in _by_members(data) if shape in shapes), shapes[0])


def _by_members(data: JsonObject) -> Iterator[type[ChannelDataIn]]:
    """Yield the shapes that data may have by the members that are there, the likeliest first."""
    if any(isinstance(each, dict) and "target_arn" in each for each in _listed(data, "devices")):
        yield AwsSnsDataIn
    for each in _listed(data, "connections"):
        if isinstance(each, dict) and any(name.startswith("ms_teams_") for name in each):
            yield MsTeamsDataIn
    # That of a Slack workspace is an object; webhooks have tokens of their own, which are text.
    known = {name for name in data if name != "token" or not isinstance(data[name], str)}
    for name, shape in _BY_MEMBER.items():
        if name in known:
            yield shape


def _listed(data: JsonObject, name: str) -> list[Any]:
    entries = data.get(name)
    return entries if isinstance(entries, list) else []


class ChannelDataRequest(Shape):
    """What is to be stored for a channel; what is there is replaced."""

    data: Members[Any] = Field(
        description="By provider: `tokens` or `devices` (APNs, FCM, Expo), `target_arns` or"
        " `devices` (Amazon SNS), `player_ids` (OneSignal), `connections` (chat), and of tenants"
        " `token` (Slack) or `ms_teams_tenant_id` (Microsoft Teams)."
    )


def without_credentials(stored: JsonObject) -> JsonObject:
    """Return of what is stored for a channel all but that with which anybody could send by it."""
    return {name: _public(value) for name, value in stored.items() if name != "token"}


def _public(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_public(each) for each in value]
    if isinstance(value, dict):
        return {
            name: _public(each)
            for name, each in value.items()
            # The address of an incoming webhook is all that a sender needs.
            if name not in ("access_token", "url")
        }
    return value

"""What is kept encrypted, where, and how it is opened again.

Three things are sealed: what a provider needs (`provider_settings`), the request of a webhook
channel (part of its `channel_settings`), and the secrets of a message: those of a rendered request,
the connection of a chat message. Each is
bound to its place, so a copy that somebody puts elsewhere in the database does not open there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import unquote_plus
from uuid import UUID

from domain.channels.kind import ChannelKind
from domain.channels.kinds import find_kind
from domain.deliveries.claims import ClaimedMessage
from domain.kit.json_types import JsonObject
from models.queries.channels import channels as queries
from outbound.redaction import Redactor, is_sensitive, texts_within
from providers.registry import MASK
from runtime.database import Connection
from runtime.logs import get_logger
from runtime.vault import BrokenSeal, CannotOpen, UnknownKey, Vault

_log = get_logger(__name__)

# The member of a message's content that holds its secrets; no answer shows it.
SEALED = "sealed"
# The one among them that holds what its run has said of its provider's settings.
OF_RUN = "provider_settings"
_USERINFO = re.compile(r"(?<=//)[^/?#]+(?=@)")
_PARAMETER = re.compile(r"(?<=[?&;])([^=&;#]+)=([^&;#]*)")


def seal_provider_settings(
    vault: Vault, settings: JsonObject, channel_id: UUID, environment_id: UUID
) -> bytes:
    """Encrypt what a provider needs of one channel in one environment."""
    return vault.seal(settings, _place("provider", channel_id, environment_id))


def open_provider_settings(
    vault: Vault, sealed: bytes, channel_id: UUID, environment_id: UUID
) -> JsonObject:
    """Decrypt what a provider needs.

    Raises:
        UnknownKey: the key is missing here; what needs the settings has to wait for it.
        BrokenSeal: they have to be set again.
    """
    place = _place("provider", channel_id, environment_id)
    return _open(vault, sealed, place)


def seal_channel_settings(
    vault: Vault, settings: JsonObject, channel_type: str, channel_id: UUID, environment_id: UUID
) -> tuple[JsonObject, bytes | None]:
    """Split channel settings into those that may be read and those that are sealed."""
    kind = find_kind(channel_type)
    secret = kind.secret_settings if kind else frozenset()
    hidden = {name: value for name, value in settings.items() if name in secret}
    clear = {name: value for name, value in settings.items() if name not in secret}
    place = _place("channel", channel_id, environment_id)
    return clear, vault.seal(hidden, place) if hidden else None


def open_channel_settings(
    vault: Vault, clear: JsonObject, sealed: bytes | None, channel_id: UUID, environment_id: UUID
) -> JsonObject:
    """Put channel settings together again. Raises UnknownKey and BrokenSeal."""
    if sealed is None:
        return clear
    return {**clear, **_open(vault, sealed, _place("channel", channel_id, environment_id))}


async def list_unreadable(connection: Connection, vault: Vault) -> list[str]:
    """Return the channels whose settings cannot be opened, for example `smtp in production`.

    Their messages cannot be sent before the process is given the key that sealed them, or the
    settings are written again.
    """
    unreadable = []
    for row in await queries.list_sealed(connection):
        owner = (row.channel_id, row.environment_id)
        try:
            vault.open(row.provider_settings, _place("provider", *owner))
            if row.sealed_channel_settings is not None:
                vault.open(row.sealed_channel_settings, _place("channel", *owner))
        except CannotOpen:
            unreadable.append(f"{row.key} in {row.slug}")
    return unreadable


def _place(kind: str, channel_id: UUID, environment_id: UUID) -> str:
    return f"{kind}_settings/{channel_id}/{environment_id}"


def _open(vault: Vault, sealed: bytes, place: str) -> JsonObject:
    """Open what belongs to a place, and tell the operator when it cannot be done."""
    try:
        return vault.open(sealed, place)
    except UnknownKey as error:
        _log.error("secret_key_missing", place=place, key_id=error.key_id, detail=str(error))
        raise
    except BrokenSeal as error:
        _log.error("sealed_value_broken", place=place, detail=str(error))
        raise


def seal_content(
    vault: Vault,
    kind: ChannelKind,
    content: JsonObject,
    message_id: str,
    environment_id: UUID,
    *,
    secrets: Iterable[str] = (),
    of_run: JsonObject | None = None,
) -> JsonObject:
    """Hide what is secret in the content of a message; see `ChannelKind` and `seal_request`.

    Args:
        vault: the keys of this process.
        kind: the channel type.
        content: what was rendered.
        message_id: of the message.
        environment_id: where.
        secrets: what is hidden wherever it stands.
        of_run: what the run has said of the provider's settings, to be kept with the message.
    """
    if kind.has_secret_content:
        return seal_request(
            vault, content, message_id, environment_id, secrets=secrets, of_run=of_run
        )
    hidden = {name: content[name] for name in kind.secret_content if name in content}
    shown = {name: value for name, value in content.items() if name not in hidden}
    return _sealed_beside(vault, shown, hidden, message_id, environment_id)


def seal_request(
    vault: Vault,
    content: JsonObject,
    message_id: str,
    environment_id: UUID,
    *,
    secrets: Iterable[str] = (),
    of_run: JsonObject | None = None,
) -> JsonObject:
    """Hide the secrets of a rendered webhook request, and keep them sealed beside it.

    Secret are the values of headers and query parameters whose name says so, in the URL's own query
    too, and what stands before an @ in the URL; given `secrets`, such as those of variables,
    wherever they stand; and all that the run has said of the provider's settings. The rest is the
    message, which may be read.
    """
    shown: JsonObject = {
        **content,
        "url": masked_url(content["url"]),
        "headers": _masked_pairs(content["headers"]),
        "query_params": _masked_pairs(content["query_params"]),
    }
    used = secrets_in(content, secrets)
    if used:
        redactor = Redactor(used)
        shown = {name: redactor.within(value) for name, value in shown.items()}
    hidden = {name: content[name] for name in shown if shown[name] != content[name]}
    if used:
        # For whoever sends it and logs what was sent, and answered.
        hidden["secrets"] = used
    if of_run:
        hidden[OF_RUN] = of_run
    return _sealed_beside(vault, shown, hidden, message_id, environment_id)


def _sealed_beside(
    vault: Vault, shown: JsonObject, hidden: JsonObject, message_id: str, environment_id: UUID
) -> JsonObject:
    if not hidden:
        return shown
    sealed = vault.seal(hidden, f"message/{message_id}/{environment_id}")
    return {**shown, SEALED: base64.b64encode(sealed).decode()}


def secrets_in(content: JsonObject, secrets: Iterable[str]) -> list[str]:
    """Return those of the secrets that a rendered request holds."""
    text = "\n".join(texts_within(content))
    return [secret for secret in secrets if secret in text]


def open_content(
    vault: Vault, content: JsonObject, message_id: str, environment_id: UUID
) -> JsonObject:
    """Return the content of a message with its secrets. Raises UnknownKey and BrokenSeal."""
    if SEALED not in content:
        return content
    sealed = base64.b64decode(content[SEALED])
    hidden = _open(vault, sealed, f"message/{message_id}/{environment_id}")
    return {name: value for name, value in {**content, **hidden}.items() if name != SEALED}


def open_for_delivery(
    vault: Vault, message: ClaimedMessage, provider_settings: bytes
) -> tuple[JsonObject, JsonObject]:
    """Return the provider's settings and the content of a message that is to be sent.

    Args:
        vault: the keys of this process.
        message: what was claimed.
        provider_settings: those of its channel, sealed.

    Raises:
        UnknownKey: a key is missing here; the message has to wait for it.
        BrokenSeal: what was sealed has to be set again.
    """
    environment_id = message.environment_id
    settings = open_provider_settings(vault, provider_settings, message.channel_id, environment_id)
    return settings, open_content(vault, message.content, str(message.id), environment_id)


def _masked_pairs(pairs: list[dict[str, str]]) -> list[dict[str, str]]:
    return [
        {**pair, "value": MASK} if pair["value"] and is_sensitive(pair["key"]) else pair
        for pair in pairs
    ]


def masked_url(url: str) -> str:
    """Return a URL without what stands before an @ in it, and without secret parameters."""

    def masked(match: re.Match[str]) -> str:
        is_secret = match[2] and is_sensitive(unquote_plus(match[1]))
        return f"{match[1]}={MASK}" if is_secret else match[0]

    return _PARAMETER.sub(masked, _USERINFO.sub(MASK, url, count=1))

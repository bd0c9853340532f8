"""Reading what an operator writes about a channel: the channel, and its settings.

Source: Knock docs, "Channels", "Integrations"; the shapes are those that the Management API reads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.channels.in_app_feed import FEED_PROVIDER
from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.types import ChannelType
from domain.conditions import parse_condition_group
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations
from domain.workflows import MAX_NAME_LENGTH, is_content_key
from models.queries.account.environments import EnvironmentRow
from models.queries.channels.channels import ChannelRow, ChannelSettingsRow
from providers.registry import (
    MASK,
    find_masks,
    load_provider,
    masked,
    restore_masks,
    validate_settings,
)
from runtime.crypto import CannotOpen, Vault
from services.channels.sealing import (
    open_channel_settings,
    open_provider_settings,
    seal_channel_settings,
    seal_provider_settings,
)
from templating.messages.validation import check_template

_LOST = "the stored ones cannot be opened any more: send them again"


def parse_channel(key: str, raw: JsonValue, *, now: datetime) -> ChannelRow:
    """Read a channel with a fresh id; raises InvalidParams with everything wrong in it."""
    document = raw if isinstance(raw, dict) else {}
    errors: list[FieldError] = []
    if not is_content_key(key):
        errors.append(FieldError("key", "must be 3 to 255 characters of a-z, 0-9, _ and -"))
    name = document.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME_LENGTH:
        errors.append(FieldError("name", f"must be a text of 1 to {MAX_NAME_LENGTH} characters"))
    for field in ("description", "custom_icon_url"):
        if not isinstance(document.get(field), str | None):
            errors.append(FieldError(field, "must be a text or null"))
    errors.extend(_kind_errors(document.get("type"), document.get("provider")))
    if errors:
        raise InvalidParams(errors, f"{errors[0].field}: {errors[0].message}")
    return ChannelRow(
        id=new_id(),
        key=key,
        name=str(name),
        description=document.get("description"),
        channel_type=document["type"],
        provider=document["provider"],
        custom_icon_url=document.get("custom_icon_url"),
        inserted_at=now,
        updated_at=now,
        archived_at=None,
    )


def _kind_errors(channel_type: JsonValue, provider: JsonValue) -> list[FieldError]:
    if channel_type not in list(ChannelType):
        return [FieldError("type", f"must be one of {', '.join(ChannelType)}")]
    if not isinstance(provider, str):
        return [FieldError("provider", "must be the id of a provider")]
    own = {kind.own_provider: kind.channel_type for kind in CHANNEL_KINDS.values()}
    try:
        serves = own[provider] if provider in own else load_provider(provider).channel_type
    except InvalidParams as refusal:
        return list(refusal.errors)
    if serves != channel_type:
        return [FieldError("provider", f"serves channels of type {serves}, not {channel_type}")]
    return []


def provider_errors(provider: str, settings: JsonObject) -> list[FieldError]:
    """Return what a provider has against its settings."""
    if provider == FEED_PROVIDER:
        return []
    try:
        return validate_settings(provider, settings)
    except InvalidParams as refusal:
        return list(refusal.errors)


def merge_settings(
    channel: ChannelRow,
    environment: EnvironmentRow,
    before: ChannelSettingsRow | None,
    *,
    vault: Vault,
    raw: JsonValue,
) -> ChannelSettingsRow:
    """Lay new settings over those of before, member by member.

    A secret that comes back as the mask it was shown as keeps its value.

    Raises:
        InvalidParams: with everything that is wrong in them.
    """
    document = raw if isinstance(raw, dict) else {}
    violations = Violations()
    is_sandbox = document.get("is_sandbox", before["is_sandbox"] if before else False)
    if not isinstance(is_sandbox, bool):
        violations.add("is_sandbox", "must be true or false")
    elif is_sandbox and not CHANNEL_KINDS[ChannelType(channel["channel_type"])].has_sandbox:
        violations.add(
            "is_sandbox", "a feed has no sandbox: its messages reach no outside provider"
        )
    channel_settings = _channel_settings(channel, before, document, vault, violations)
    conditions = document.get("conditions", before["conditions"] if before else None)
    violations.check(parse_condition_group, conditions, "conditions")
    provider_settings = _provider_settings(channel, before, document, vault, violations)
    violations.raise_any()
    owner = (channel["id"], environment["id"])
    clear, sealed = seal_channel_settings(vault, channel_settings, channel["channel_type"], *owner)
    return ChannelSettingsRow(
        channel_id=channel["id"],
        environment_id=environment["id"],
        environment=environment["slug"],
        id=before["id"] if before else new_id(),
        is_sandbox=is_sandbox,
        channel_settings=clear,
        sealed_channel_settings=sealed,
        provider_settings=seal_provider_settings(vault, provider_settings, *owner),
        conditions=conditions or None,
    )


def show_channel_settings(settings: JsonObject, channel_type: str) -> JsonObject:
    """Write channel settings for an answer, what is secret masked."""
    secret = CHANNEL_KINDS[ChannelType(channel_type)].secret_settings
    return {name: masked(value) if name in secret else value for name, value in settings.items()}


def _wanted(
    name: str, document: JsonObject, known: JsonObject | None, violations: Violations
) -> JsonObject | None:
    """Return the settings of a document, or the known ones where it leaves them out.

    None when there are none to work with; then what is wrong is noted.
    """
    wanted = document.get(name, known)
    if wanted is None and name not in document:
        # Sealing nothing over them would drop, say, a signing key without a word.
        violations.add(name, _LOST)
        return None
    if not isinstance(wanted, dict):
        violations.add(name, "must be an object")
        return None
    return wanted


def _channel_settings(
    channel: ChannelRow,
    before: ChannelSettingsRow | None,
    document: JsonObject,
    vault: Vault,
    violations: Violations,
) -> JsonObject:
    """Return the new channel settings in the clear; what is wrong with them is noted."""
    known = _opened(open_channel_settings_of, before, vault)
    wanted = _wanted("channel_settings", document, known, violations)
    if wanted is None:
        return {}
    kind = CHANNEL_KINDS[ChannelType(channel["channel_type"])]
    merged = {
        name: known[name]
        if name in kind.secret_settings and value == MASK and known and name in known
        else value
        for name, value in wanted.items()
    }
    if kind.secret_settings and _refuse_masks(merged, "channel_settings", violations):
        return {}
    settings = kind.read_settings(merged, "channel_settings", violations)
    template = kind.settings_template(settings)
    if template is not None and not len(violations):
        for error in check_template(kind.channel_type, template, "channel_settings"):
            violations.add(error.field, error.message, error.type)
    return settings


def _provider_settings(
    channel: ChannelRow,
    before: ChannelSettingsRow | None,
    document: JsonObject,
    vault: Vault,
    violations: Violations,
) -> JsonObject:
    """Return the new settings in the clear; what the provider has against them is noted."""
    known = _opened(open_provider_settings_of, before, vault)
    wanted = _wanted("provider_settings", document, known, violations)
    if wanted is None:
        return {}
    merged = restore_masks(channel["provider"], wanted, known or {})
    _refuse_masks(merged, "provider_settings", violations)
    for error in provider_errors(channel["provider"], merged):
        violations.add(error.field, error.message, error.type)
    return merged


def _refuse_masks(settings: JsonObject, field: str, violations: Violations) -> bool:
    """Note each mask that stands for nothing; tell whether there is one."""
    places = list(find_masks(settings, field))
    for place in places:
        violations.add(place, "is a mask of a value that is not stored")
    return bool(places)


def open_provider_settings_of(row: ChannelSettingsRow, vault: Vault) -> JsonObject:
    """Open what a provider needs. Raises UnknownKey and BrokenSeal."""
    return open_provider_settings(
        vault, row["provider_settings"], row["channel_id"], row["environment_id"]
    )


def open_channel_settings_of(row: ChannelSettingsRow, vault: Vault) -> JsonObject:
    """Put channel settings together from both their parts. Raises UnknownKey and BrokenSeal."""
    return open_channel_settings(
        vault,
        row["channel_settings"],
        row["sealed_channel_settings"],
        row["channel_id"],
        row["environment_id"],
    )


def _opened(
    opener: Callable[[ChannelSettingsRow, Vault], JsonObject],
    row: ChannelSettingsRow | None,
    vault: Vault,
) -> JsonObject | None:
    """Open what was sealed; nothing without a row, None when it cannot be opened any more."""
    if row is None:
        return {}
    try:
        return opener(row, vault)
    except CannotOpen:
        return None

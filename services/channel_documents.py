"""Reading what an operator writes about a channel: the channel, and its settings.

Source: Knock docs, "Channels", "Integrations"; the shapes are those that the Management API reads.
"""

from __future__ import annotations

from datetime import datetime

from domain.channels import ChannelType
from domain.conditions import parse_condition_group
from domain.errors import FieldError, InvalidParams
from domain.ids import new_id
from domain.json_types import JsonObject, JsonValue
from domain.violations import Violations
from domain.workflows import MAX_NAME_LENGTH, is_content_key
from models.queries.channels import ChannelRow, ChannelSettingsRow
from models.queries.environments import EnvironmentRow
from providers.registry import MASK, load_provider, validate_settings
from runtime.crypto import Vault

# The feed is ours: it has no vendor, hence no entry among the providers.
FEED_PROVIDER = "in_app_feed_knock"


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
    try:
        serves = (
            ChannelType.IN_APP_FEED
            if provider == FEED_PROVIDER
            else load_provider(provider).channel_type
        )
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
    elif is_sandbox and channel["channel_type"] == ChannelType.IN_APP_FEED:
        violations.add(
            "is_sandbox", "a feed has no sandbox: its messages reach no outside provider"
        )
    channel_settings = document.get(
        "channel_settings", before["channel_settings"] if before else {}
    )
    if not isinstance(channel_settings, dict):
        violations.add("channel_settings", "must be an object")
    conditions = document.get("conditions", before["conditions"] if before else None)
    violations.check(parse_condition_group, conditions, "conditions")
    provider_settings = _provider_settings(channel, before, document, vault, violations)
    violations.raise_any()
    return ChannelSettingsRow(
        channel_id=channel["id"],
        environment_id=environment["id"],
        environment=environment["slug"],
        id=before["id"] if before else new_id(),
        is_sandbox=is_sandbox,
        channel_settings=channel_settings,
        provider_settings=vault.seal(provider_settings),
        conditions=conditions or None,
    )


def _provider_settings(
    channel: ChannelRow,
    before: ChannelSettingsRow | None,
    document: JsonObject,
    vault: Vault,
    violations: Violations,
) -> JsonObject:
    """Return the new settings in the clear; what the provider has against them is noted."""
    known = _open(before, vault)
    wanted = document.get("provider_settings", known)
    if wanted is None and "provider_settings" not in document:
        # Sealing nothing over them would drop, say, a signing key without a word.
        violations.add("provider_settings", "no secret key opens the stored ones: send them again")
        return {}
    if not isinstance(wanted, dict):
        violations.add("provider_settings", "must be an object")
        return {}
    merged = {}
    for name, value in wanted.items():
        if value == MASK and name not in (known or {}):
            violations.add(f"provider_settings.{name}", "is a mask of a value that is not stored")
        merged[name] = known[name] if known and value == MASK and name in known else value
    for error in provider_errors(channel["provider"], merged):
        violations.add(error.field, error.message, error.type)
    return merged


def _open(before: ChannelSettingsRow | None, vault: Vault) -> JsonObject | None:
    """Open what was sealed; None when no key opens it any more."""
    if before is None:
        return {}
    try:
        return vault.open(before["provider_settings"])
    except ValueError:
        return None

"""Settings of a channel in one environment: laid over those of before, judged, sealed, shown.

Source: Knock docs, "Channels", "Integrations"; the shapes are those that the Management API reads.
"""

from __future__ import annotations

from collections.abc import Callable

from domain.channels.kind import INPUT_SCHEMA, ChannelKind
from domain.channels.kinds import find_kind
from domain.channels.requests import ChannelSettingsRequest
from domain.channels.rows import Channel, ChannelSettings
from domain.channels.sources import template_sources
from domain.conditions import parse_condition_group
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.violations import Violations
from providers.registry import (
    MASK,
    find_masks,
    masked,
    restore_masks,
    validate_settings,
)
from runtime.vault import CannotOpen, Vault
from services.channels.sealing import (
    open_channel_settings,
    open_provider_settings,
    seal_channel_settings,
    seal_provider_settings,
)
from services.engine import Engine
from services.json_schemas import schema_errors
from services.overwriting import keep_unreadable
from templating.messages.validation import template_errors

_LOST = "the stored ones can no longer be decrypted: send them again"


def provider_errors(channel: Channel, settings: JsonObject) -> list[FieldError]:
    """Return what the provider of a channel has against its settings."""
    kind = find_kind(channel.channel_type)
    if kind is not None and not kind.needs_provider:
        return []
    try:
        return validate_settings(channel.provider, settings)
    except InvalidParams as refusal:
        return list(refusal.errors)


def show_channel_settings(settings: JsonObject, channel_type: str) -> JsonObject:
    """Write channel settings for an answer, what is secret masked.

    Of a type that only another version knows all of them are taken for secrets.
    """
    kind = find_kind(channel_type)
    return {
        name: value if kind and name not in kind.secret_settings else masked(value)
        for name, value in settings.items()
    }


def merge_settings(
    channel: Channel,
    environment: EnvironmentScope,
    before: ChannelSettings | None,
    wanted: ChannelSettingsRequest,
    *,
    engine: Engine,
) -> ChannelSettings:
    """Lay new settings over those of before, member by member.

    A secret that comes back as the mask it was shown as keeps its value.

    Raises:
        InvalidParams: with everything that is wrong in them.
        Unprocessable: `sealed_with_other_key`.
    """
    kind, vault = find_kind(channel.channel_type), engine.vault
    if before is not None:
        what, replace = f"{channel.key} in {environment.slug}", wanted.replace_unreadable
        for stored in (before.provider_settings, before.sealed_channel_settings):
            keep_unreadable(vault, stored, what, replace=replace)
    if kind is None:
        raise InvalidParams.of(
            "type", f"channels of type {channel.channel_type} are not supported by this version"
        )
    violations = Violations()
    is_sandbox, conditions = wanted.is_sandbox, wanted.conditions
    if before is not None and "is_sandbox" not in wanted.model_fields_set:
        is_sandbox = before.is_sandbox
    if before is not None and "conditions" not in wanted.model_fields_set:
        conditions = before.conditions
    if is_sandbox and not kind.has_sandbox:
        violations.add(
            "is_sandbox", "feeds have no sandbox, because their messages reach no external provider"
        )
    channel_settings = _channel_settings(kind, before, wanted, engine, violations)
    violations.check(parse_condition_group, conditions, "conditions")
    provider_settings = _provider_settings(channel, before, wanted, vault, violations)
    violations.raise_any()
    owner = (channel.id, environment.id)
    clear, sealed = seal_channel_settings(vault, channel_settings, channel.channel_type, *owner)
    return ChannelSettings(
        channel_id=channel.id,
        environment_id=environment.id,
        environment=environment.slug,
        id=before.id if before else new_id(),
        is_sandbox=is_sandbox,
        channel_settings=clear,
        sealed_channel_settings=sealed,
        provider_settings=seal_provider_settings(vault, provider_settings, *owner),
        conditions=conditions or None,
    )


def _channel_settings(
    kind: ChannelKind,
    before: ChannelSettings | None,
    request: ChannelSettingsRequest,
    engine: Engine,
    violations: Violations,
) -> JsonObject:
    """Return the new channel settings in the clear; what is wrong with them is noted."""

    def opened(stored: ChannelSettings) -> JsonObject:
        owner = (stored.channel_id, stored.environment_id)
        clear, sealed = stored.channel_settings, stored.sealed_channel_settings
        return open_channel_settings(engine.vault, clear, sealed, *owner)

    known, wanted = _known_and_wanted("channel_settings", before, opened, request, violations)
    if wanted is None:
        return {}
    merged = {
        name: known[name]
        if name in kind.secret_settings and value == MASK and name in known
        else value
        for name, value in wanted.items()
    }
    if kind.secret_settings and _refuse_masks(merged, "channel_settings", violations):
        return {}
    settings = kind.read_settings(merged, "channel_settings", violations)
    schema = settings.get(INPUT_SCHEMA) if kind.takes_inputs else None
    if isinstance(schema, dict):
        place = f"channel_settings.{INPUT_SCHEMA}"
        violations.extend(schema_errors(schema, place))
    template = kind.settings_template(settings)
    if template is not None and not len(violations):
        violations.extend(template_errors(template_sources(template, "channel_settings")))
    return settings


def _provider_settings(
    channel: Channel,
    before: ChannelSettings | None,
    request: ChannelSettingsRequest,
    vault: Vault,
    violations: Violations,
) -> JsonObject:
    """Return the new settings in the clear; what the provider has against them is noted."""

    def opened(stored: ChannelSettings) -> JsonObject:
        owner = (stored.channel_id, stored.environment_id)
        return open_provider_settings(vault, stored.provider_settings, *owner)

    known, wanted = _known_and_wanted("provider_settings", before, opened, request, violations)
    if wanted is None:
        return {}
    merged = restore_masks(channel.provider, wanted, known)
    _refuse_masks(merged, "provider_settings", violations)
    for error in provider_errors(channel, merged):
        violations.add(error.field, error.message, error.type)
    violations.extend(template_errors(template_sources(merged, "provider_settings")))
    return merged


def _known_and_wanted(
    name: str,
    before: ChannelSettings | None,
    opened: Callable[[ChannelSettings], JsonObject],
    request: ChannelSettingsRequest,
    violations: Violations,
) -> tuple[JsonObject, JsonObject | None]:
    """Return the stored settings of a name, as far as they can be opened, and those to store.

    What is left out of the request stays. Where that cannot be opened there is nothing to store,
    which is noted: sealing nothing over it would drop, say, a credential without a word.
    """
    known: JsonObject | None = {}
    if before is not None:
        try:
            known = opened(before)
        except CannotOpen:
            known = None
    wanted: JsonObject | None = (
        getattr(request, name) if name in request.model_fields_set else known
    )
    if wanted is None:
        violations.add(name, _LOST)
    return known or {}, wanted


def _refuse_masks(settings: JsonObject, field: str, violations: Violations) -> bool:
    """Note each mask that stands for nothing; tell whether there is one."""
    places = list(find_masks(settings, field))
    for place in places:
        violations.add(place, "is a masked value, but no value is stored")
    return bool(places)

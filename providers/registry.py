"""Knows every provider: ours by name, outside ones by entry point; checks and hides settings.

A provider is imported at its first use, so a process knows only the vendors that its channels have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from domain.channels.types import ChannelType
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from providers.base import CHECK_COMBINATIONS, CHECKS, Provider
from providers.secrets import replace_secrets

ENTRY_POINT_GROUP = "carillon.providers"
MASK = "********"

# Where the class of each provider is: module and name.
PROVIDERS: dict[str, str] = {
    "smtp": "providers.email.smtp:Smtp",
    "aws_ses": "providers.email.ses:Ses",
    "mailgun": "providers.email.mailgun:Mailgun",
    "postmark": "providers.email.postmark:Postmark",
    "resend": "providers.email.resend:Resend",
    "sendgrid": "providers.email.sendgrid:SendGrid",
    "messagebird": "providers.sms.messagebird:MessageBird",
    "twilio": "providers.sms.twilio:Twilio",
    "vonage": "providers.sms.vonage:Vonage",
    "push_apns": "providers.push.apns:Apns",
    "push_aws_sns": "providers.push.sns:Sns",
    "push_expo": "providers.push.expo:Expo",
    "push_fcm": "providers.push.fcm:Fcm",
    "push_one_signal": "providers.push.one_signal:OneSignal",
    "chat_discord": "providers.chat.discord:Discord",
    "chat_ms_teams": "providers.chat.ms_teams:MsTeams",
    "chat_slack": "providers.chat.slack:Slack",
    "chat_whatsapp": "providers.chat.whatsapp:WhatsApp",
    "http_knock_webhook": "providers.webhook.http:HttpWebhook",
    "sandbox_email": "providers.sandbox:SandboxEmail",
    "sandbox_sms": "providers.sandbox:SandboxSms",
    "sandbox_push": "providers.sandbox:SandboxPush",
    "sandbox_chat": "providers.sandbox:SandboxChat",
}

# A value that is one reference to a variable, such as `{{ vars.smtp_password }}`.
_REFERENCE = re.compile(r"\s*\{\{-?\s*vars\.[\w.\-]+\s*(\|[^{}]*)?-?\}\}\s*")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def load_provider(provider_id: str) -> type[Provider]:
    """Return the provider of this id, ours before outside ones; imported at its first use.

    Raises:
        InvalidParams: there is none.
        TypeError: what an installed package advertises under this id is not a provider.
    """
    if provider_id in PROVIDERS:
        module, _, name = PROVIDERS[provider_id].partition(":")
        own: type[Provider] = getattr(import_module(module), name)
        return own
    advertised = outside_providers().get(provider_id)
    if advertised is None:
        raise InvalidParams.of("provider", f"unknown provider {provider_id[:255]!r}")
    found: Any = advertised.load()
    expected = ("id", "channel_type", "service_name", "Settings", "send", "aclose")
    missing = [member for member in expected if not hasattr(found, member)]
    if missing or found.id != provider_id:
        raise TypeError(
            f"the entry point {provider_id!r} is not a provider of that id"
            + (f": it is missing {', '.join(missing)}" if missing else "")
        )
    provider: type[Provider] = found
    return provider


def providers_of(channel_type: ChannelType) -> list[str]:
    """Return the ids of the providers of a type, ours first; imports every vendor."""
    found = []
    for provider_id in [*PROVIDERS, *sorted(outside_providers())]:
        # One that cannot be loaded is told of when somebody asks for it, and hides no other.
        with suppress(ImportError, AttributeError, TypeError):
            if load_provider(provider_id).channel_type is channel_type:
                found.append(provider_id)
    return found


@cache
def outside_providers() -> dict[str, EntryPoint]:
    """List what installed packages advertise; to read them all takes milliseconds."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}


def validate_settings(
    provider_id: str, raw: JsonObject, *, path: str = "provider_settings"
) -> list[FieldError]:
    """Check settings as they are saved; an empty list means that they are valid.

    A field that holds a template is known only when it is rendered at send time and is not judged
    here. Raises InvalidParams for an unknown provider.
    """
    provider = load_provider(provider_id)
    errors = []
    if raw.get(CHECKS) and not hasattr(provider, "check_status"):
        # Any other setting that is not known is ignored; this one would be relied on.
        reason = f"{provider.service_name} cannot be asked for the status of a message"
        errors.append(FieldError(f"{path}.{CHECKS}", reason, "not_supported"))
    try:
        provider.Settings.model_validate(raw, context=CHECK_COMBINATIONS)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    else:
        return errors
    for fault in faults:
        value = raw.get(str(fault["loc"][0])) if fault["loc"] else None
        if isinstance(value, str) and _TEMPLATE.search(value):
            continue
        steps = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
        place = (path + "".join(steps)).lstrip(".")
        errors.append(FieldError(place, fault["msg"], fault["type"]))
    return errors


def obfuscate(provider_id: str, settings: Mapping[str, JsonValue]) -> JsonObject:
    """Write settings for an API answer: secrets masked, references to variables left readable.

    Every string of a provider that is no longer installed is taken for a secret.
    """
    try:
        known = load_provider(provider_id).Settings
    except InvalidParams:
        return {name: masked(value) for name, value in settings.items()}
    shown: JsonObject = replace_secrets(known, dict(settings), masked)
    return shown


def restore_masks(provider_id: str, wanted: JsonObject, stored: JsonObject) -> JsonObject:
    """Put stored secrets where `wanted` has the masks that they were shown as.

    A mask in a list is filled only when the list comes back just as it was shown, because in one
    that was changed nobody can tell which entry a mask stands for. Masks that stand for nothing
    stay; `find_masks` finds them.
    """
    restored: JsonObject = _restored(wanted, obfuscate(provider_id, stored), stored)
    return restored


def _restored(wanted: JsonValue, shown: JsonValue, stored: JsonValue) -> JsonValue:
    if wanted == shown:
        return stored
    if isinstance(wanted, dict) and isinstance(shown, dict):
        return {
            name: _restored(member, shown[name], stored[name]) if name in shown else member
            for name, member in wanted.items()
        }
    return wanted


def find_masks(value: JsonValue, path: str) -> Iterator[str]:
    """Yield the places where settings hold a mask instead of a secret."""
    if value == MASK:
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from find_masks(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from find_masks(member, f"{path}[{index}]")


def masked(value: JsonValue) -> JsonValue:
    """Write a secret for an answer; what is empty, or one reference to a variable, stays."""
    if value is None or value == "" or isinstance(value, (bool, int, float)):
        return value
    return value if isinstance(value, str) and _REFERENCE.fullmatch(value) else MASK

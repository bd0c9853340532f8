"""Knows every provider: ours by name, outside ones by entry point; checks and hides settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from domain.errors import FieldError, InvalidParams
from domain.json_types import JsonObject, JsonValue
from providers.base import Provider
from providers.email.smtp import Smtp
from providers.sandbox import SandboxChat, SandboxEmail, SandboxPush, SandboxSms
from providers.webhook.http import HttpWebhook

ENTRY_POINT_GROUP = "carillon.providers"
MASK = "********"

PROVIDERS: dict[str, type[Provider]] = {
    Smtp.id: Smtp,
    HttpWebhook.id: HttpWebhook,
    SandboxEmail.id: SandboxEmail,
    SandboxSms.id: SandboxSms,
    SandboxPush.id: SandboxPush,
    SandboxChat.id: SandboxChat,
}

# A value that is one reference to a variable, such as `{{ vars.smtp_password }}`.
_REFERENCE = re.compile(r"\s*\{\{-?\s*vars\.[\w.\-]+\s*(\|[^{}]*)?-?\}\}\s*")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def load_provider(provider_id: str) -> type[Provider]:
    """Return the provider of this id, ours before outside ones. Raises InvalidParams."""
    found = PROVIDERS.get(provider_id) or outside_providers().get(provider_id)
    if found is None:
        raise InvalidParams.of("provider", f"unknown provider {provider_id!r}")
    return found


@cache
def outside_providers() -> dict[str, type[Provider]]:
    """Load the providers that installed packages advertise, once a process.

    Raises TypeError when a package advertises something that is no provider: better at start than
    at the first message.
    """
    found: dict[str, type[Provider]] = {}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        if entry.name not in PROVIDERS:
            found[entry.name] = _checked(entry.name, entry.load())
    return found


def _checked(name: str, loaded: Any) -> type[Provider]:
    expected = ("id", "channel_type", "service_name", "Settings", "send", "aclose")
    missing = [member for member in expected if not hasattr(loaded, member)]
    if missing or loaded.id != name:
        raise TypeError(
            f"the entry point {name!r} is no provider of that id"
            + (f": it lacks {', '.join(missing)}" if missing else "")
        )
    provider: type[Provider] = loaded
    return provider


def provider_ids() -> list[str]:
    """List the ids of all providers."""
    return sorted({*PROVIDERS, *outside_providers()})


def validate_settings(
    provider_id: str, raw: JsonObject, *, path: str = "provider_settings"
) -> list[FieldError]:
    """Check settings as they are saved; an empty list means that they are right.

    A field that holds a template is known only when it is rendered at send time and is not judged
    here. Raises InvalidParams for an unknown provider.
    """
    try:
        load_provider(provider_id).Settings.model_validate(raw)
    except ValidationError as error:
        return [
            FieldError(_path(path, fault["loc"]), fault["msg"], fault["type"])
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
            if not _is_template(raw, fault["loc"])
        ]
    return []


def secret_fields(provider_id: str) -> frozenset[str]:
    """Name the settings of a provider that are secret. Raises InvalidParams for an unknown one."""
    fields = load_provider(provider_id).Settings.model_fields
    return frozenset(name for name, field in fields.items() if _holds_secret(field.annotation))


def obfuscate(provider_id: str, settings: Mapping[str, JsonValue]) -> JsonObject:
    """Write settings for an API answer: secrets masked, references to variables left readable.

    Of a provider that is no longer installed every text is taken for a secret.
    """
    try:
        known = load_provider(provider_id).Settings
    except InvalidParams:
        return {name: _masked(value) for name, value in settings.items()}
    secret = secret_fields(provider_id)
    # What the model does not name cannot be known to be harmless.
    return {
        name: value if name in known.model_fields and name not in secret else _masked(value)
        for name, value in settings.items()
    }


def _masked(value: JsonValue) -> JsonValue:
    if value is None or value == "" or isinstance(value, (bool, int, float)):
        return value
    return value if isinstance(value, str) and _REFERENCE.fullmatch(value) else MASK


def _holds_secret(annotation: Any) -> bool:
    if isinstance(annotation, type):
        if issubclass(annotation, SecretStr):
            return True
        if issubclass(annotation, BaseModel):
            return any(_holds_secret(f.annotation) for f in annotation.model_fields.values())
    return any(_holds_secret(part) for part in get_args(annotation))


def _is_template(raw: JsonObject, location: tuple[int | str, ...]) -> bool:
    value = raw.get(str(location[0])) if location else None
    return isinstance(value, str) and _TEMPLATE.search(value) is not None


def _path(prefix: str, location: tuple[int | str, ...]) -> str:
    path = prefix
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")

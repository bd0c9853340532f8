"""The table of providers, outside ones, and the settings as they are saved and shown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, SecretStr

from domain.channels.types import ChannelType
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from outbound.redaction import Redactor
from providers.registry import (
    MASK,
    PROVIDERS,
    find_masks,
    load_provider,
    obfuscate,
    outside_providers,
    providers_of,
    restore_masks,
    validate_settings,
)
from providers.sandbox import SandboxSms
from providers.secrets import secret_values

OUTSIDE = """
from pydantic import BaseModel
from domain.channels.types import ChannelType

class Carrier:
    id = "sms_carrier"
    channel_type = ChannelType.SMS
    service_name = "Carrier"
    Settings = BaseModel
    def __init__(self, context): ...
    async def send(self, delivery): ...
    async def aclose(self): ...

class Imposter:
    id = "other"
"""

BOT = {"bot_id": "b", "bot_password": "x", "entra_tenant_id": "t"}


def install(folder: Path, *entries: str) -> None:
    """Write a package with entry points as an installer leaves it behind."""
    (folder / "carrier_plugin.py").write_text(OUTSIDE)
    info = folder / "carrier_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: carrier-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[carillon.providers]\n" + "\n".join(entries))


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """Put a folder on the path where packages can be installed; forget them afterwards."""
    sys.path.insert(0, str(tmp_path))
    outside_providers.cache_clear()
    yield tmp_path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("carrier_plugin", None)
    outside_providers.cache_clear()


def test_a_vendor_is_imported_at_first_use() -> None:
    """A process that needs no vendor imports none: neither our module, nor what it builds on."""
    program = (
        "import sys, api.main; from providers.registry import PROVIDERS, load_provider;"
        "modules = {at.partition(':')[0] for at in PROVIDERS.values()};"
        "print(sorted(modules & set(sys.modules)));"
        "load_provider('smtp'); print(sorted(modules & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["[]", "['providers.email.smtp']"]


def test_unknown_provider_is_the_callers_mistake() -> None:
    """An unknown id is answered as an invalid parameter."""
    with pytest.raises(InvalidParams):
        load_provider("pigeon")


def test_installed_package_brings_a_provider(outside: Path) -> None:
    """An entry point in our group is enough; none of ours can be replaced that way."""
    install(outside, "sms_carrier = carrier_plugin:Carrier", "smtp = carrier_plugin:Carrier")
    assert load_provider("sms_carrier").service_name == "Carrier"
    assert load_provider("smtp").service_name == "SMTP"


def test_one_that_cannot_be_loaded_hides_no_other(outside: Path) -> None:
    """The providers of a type are those that work, ours before outside ones."""
    install(
        outside,
        "sms_carrier = carrier_plugin:Carrier",
        "sms_imposter = carrier_plugin:Imposter",
        "sms_nowhere = no_such_module:Carrier",
    )
    assert providers_of(ChannelType.SMS)[0] == "messagebird"
    assert [name for name in providers_of(ChannelType.SMS) if name not in PROVIDERS] == [
        "sms_carrier"
    ]


@pytest.mark.parametrize("name", ["sms_imposter", "other"])
def test_what_is_not_a_provider_is_refused_at_once(outside: Path, name: str) -> None:
    """A wrong id or a missing member is found when the provider is loaded."""
    install(outside, f"{name} = carrier_plugin:Imposter")
    with pytest.raises(TypeError, match=name):
        load_provider(name)


@pytest.mark.parametrize(
    ("provider", "settings", "fields"),
    [
        ("smtp", {"host": "mx.example", "port": 587}, []),
        ("smtp", {}, ["provider_settings"]),
        ("smtp", {"host": "x", "port": "SSL"}, ["provider_settings.port"]),
        ("smtp", {"host": "x", "port": "{{ vars.port }}"}, []),
        ("smtp", {"url": "{{ vars.smtp_url }}"}, []),
        (
            "smtp",
            {"host": "x", "port": 0, "security": "ssl"},
            ["provider_settings.port", "provider_settings.security"],
        ),
        ("sandbox_sms", {"fail": "maybe"}, ["provider_settings.fail"]),
        ("http_knock_webhook", {"signing_key": 7}, ["provider_settings.signing_key"]),
        ("chat_ms_teams", {}, []),
        ("chat_ms_teams", {"graph_client_id": "app"}, []),
        ("chat_ms_teams", BOT, []),
        ("chat_ms_teams", {**BOT, "entra_tenant_id": ""}, ["provider_settings.entra_tenant_id"]),
        ("chat_ms_teams", {**BOT, "entra_tenant_id": None, "bot_type": "multi_tenant"}, []),
        ("chat_ms_teams", {**BOT, "bot_password": "{{ vars.bot }}"}, []),
        (
            "chat_ms_teams",
            {"bot_password": "x", "base_url": "smba"},
            [
                "provider_settings.bot_id",
                "provider_settings.entra_tenant_id",
                "provider_settings.base_url",
            ],
        ),
        (
            "chat_ms_teams",
            {"bot_id": "b", "bot_type": "some_tenants"},
            ["provider_settings.bot_password", "provider_settings.bot_type"],
        ),
        (
            "chat_whatsapp",
            {"phone_number_id": "+1 555"},
            ["provider_settings.access_token", "provider_settings.phone_number_id"],
        ),
    ],
)
def test_settings_are_checked_by_field(
    provider: str, settings: JsonObject, fields: list[str]
) -> None:
    """Each violation names its field; references to variables are not judged yet."""
    assert [error.field for error in validate_settings(provider, settings)] == fields


def test_violations_do_not_quote_secrets() -> None:
    """An error about a secret does not repeat it."""
    errors = validate_settings("smtp", {"url": "http://u:hunter2@x"})
    assert errors
    assert "hunter2" not in repr(errors)


def test_secrets_are_masked_unless_they_are_references() -> None:
    """Knock: secrets are obfuscated unless they are Liquid references."""
    settings = {
        "host": "mx.example",
        "port": 587,
        "username": "me",
        "password": "hunter2",
        "url": None,
        "api_key": "unknown to the model",
    }
    expected = settings | {"password": MASK, "api_key": MASK}
    assert obfuscate("smtp", settings) == expected
    for reference in ("{{ vars.smtp_password }}", "{{vars.a.b | default: 'x'}}"):
        assert obfuscate("smtp", {"password": reference}) == {"password": reference}
    for disguise in ("hunter2{{ vars.x }}", "{{ 'hunter2' }}", "{{ vars.x }}hunter2"):
        assert obfuscate("smtp", {"password": disguise}) == {"password": MASK}


def test_of_an_application_of_teams_only_its_secret_is_masked() -> None:
    """What is not secret has to be readable, for whoever looks for a wrong id or server."""
    shown = {"graph_client_id": "app", "graph_base_url": "https://graph.example"}
    settings = shown | {"graph_client_secret": "s3cret"}
    assert obfuscate("chat_ms_teams", settings) == shown | {"graph_client_secret": MASK}


def test_settings_of_a_missing_provider_are_masked() -> None:
    """When a package is gone nothing is known of its settings, so every text is masked."""
    assert obfuscate("gone", {"a": "secret", "n": 1, "o": {"k": "v"}}) == {
        "a": MASK,
        "n": 1,
        "o": MASK,
    }


class Account(BaseModel):
    """Stands for the service account of a vendor."""

    project: str
    private_key: SecretStr


class Nested(BaseModel):
    """Settings that hide secrets wherever a model can have them."""

    account: Account
    accounts: list[Account] = []
    tokens: dict[str, Annotated[SecretStr, Field(min_length=1)]] = {}
    either: Account | SecretStr | None = None
    named: SecretStr | None = Field(None, alias="apiKey")


NESTED = {
    "account": {"project": "acme", "private_key": "pem-1"},
    "accounts": [
        {"project": "a", "private_key": "pem-2"},
        {"project": "b", "private_key": "pem-3"},
    ],
    "tokens": {"eu": "tok-1"},
    "either": "plain-1",
    "apiKey": "key-1",
}


class Deep(SandboxSms):
    """A provider with such settings."""

    id = "deep"
    Settings = Nested


@pytest.fixture
def nested(monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a provider with nested settings into the table."""
    monkeypatch.setitem(PROVIDERS, "deep", f"{__name__}:Deep")
    return "deep"


def test_what_is_masked_is_what_is_redacted(nested: str) -> None:
    """Masking and redaction find the same secrets: nested, listed, mapped, in a union, aliased."""
    shown = obfuscate(nested, NESTED)
    assert shown == {
        "account": {"project": "acme", "private_key": MASK},
        "accounts": [{"project": "a", "private_key": MASK}, {"project": "b", "private_key": MASK}],
        "tokens": {"eu": MASK},
        "either": MASK,
        "apiKey": MASK,
    }
    secrets = ["pem-1", "pem-2", "pem-3", "tok-1", "plain-1", "key-1"]
    assert secret_values(Nested.model_validate(NESTED)) == secrets
    logged = Redactor(secret_values(Nested.model_validate(NESTED))).text(json.dumps(NESTED))
    assert [secret for secret in secrets if secret in logged] == []


def test_what_a_nested_model_does_not_name_is_masked(nested: str) -> None:
    """An unknown member is hidden at every level."""
    shown = obfuscate(nested, {"account": {"project": "acme", "pass": "x"}, "either": {"z": "y"}})
    assert shown == {"account": {"project": "acme", "pass": MASK}, "either": {"z": MASK}}


def test_masks_are_filled_with_what_they_stand_for(nested: str) -> None:
    """Settings that come back as shown are unchanged; one changed member changes nothing else."""
    shown = obfuscate(nested, NESTED)
    assert restore_masks(nested, shown, NESTED) == NESTED
    moved = {**shown, "account": {**shown["account"], "project": "other"}}
    assert restore_masks(nested, moved, NESTED)["account"] == {
        "project": "other",
        "private_key": "pem-1",
    }


def test_masks_in_a_changed_list_are_not_guessed(nested: str) -> None:
    """Nobody can tell which entry a mask belongs to once entries have moved."""
    shown = obfuscate(nested, NESTED)
    shorter = {**shown, "accounts": shown["accounts"][1:]}
    restored = restore_masks(nested, shorter, NESTED)
    assert list(find_masks(restored, "s")) == ["s.accounts[0].private_key"]

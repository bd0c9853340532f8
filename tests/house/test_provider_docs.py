"""The page on providers names every provider and every setting of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from providers.registry import PROVIDERS, load_provider

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"


@pytest.mark.parametrize("provider_id", sorted(PROVIDERS))
def test_provider_has_a_row(provider_id: str) -> None:
    """Every registered provider has a row with its channel type and all of its settings."""
    rows = [
        line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{provider_id}` |")
    ]
    assert len(rows) == 1
    provider = load_provider(provider_id)
    named = set(re.findall(r"`([a-z_]+)`", rows[0]))
    assert {str(provider.channel_type), *provider.Settings.model_fields} <= named


def test_no_row_is_left_behind() -> None:
    """A provider that is gone, or was never there, is not documented."""
    rows = re.findall(
        r"^\| `([a-z_]+)` \| `(?:email|sms|push|chat|http)` \|", PAGE.read_text(), re.M
    )
    assert sorted(rows) == sorted(PROVIDERS)


def test_secret_settings_are_marked() -> None:
    """The page says which settings are secret, with a lock after the name."""
    text = PAGE.read_text()
    for provider_id in PROVIDERS:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{provider_id}` |"))
        fields = load_provider(provider_id).Settings.model_fields
        secret = {name for name, field in fields.items() if "Secret" in str(field.annotation)}
        assert set(re.findall(r"`([a-z_]+)` 🔒", row)) == secret

"""The example of an environment file names every setting."""

from __future__ import annotations

from runtime.settings import Settings
from scripts.env_example import SECTIONS, TARGET, render


def test_env_example_is_current() -> None:
    """`.env.example` is what the settings say; `make format` writes it again."""
    assert TARGET.read_text() == render()


def test_every_setting_has_a_section() -> None:
    """Each setting stands in one section of the file."""
    placed = [name for names in SECTIONS.values() for name in names]
    assert sorted(placed) == sorted(Settings.model_fields)

"""The example of an environment file names every setting."""

from __future__ import annotations

from scripts.env_example import TARGET, render


def test_env_example_is_current() -> None:
    """`.env.example` is what the settings say; `make format` writes it again."""
    assert TARGET.read_text() == render()

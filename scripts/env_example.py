"""Write `.env.example` from the settings: `python -m scripts.env_example`."""

from __future__ import annotations

import textwrap
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from runtime.process_environment import as_variable
from runtime.settings import Settings

TARGET = Path(__file__).parents[1] / ".env.example"
_HEAD = """\
# Every setting, with its default. Copy this file to `.env` and change what you need; real
# environment variables win. Made by scripts/env_example.py from runtime/settings.py.

# --- needed by docker-compose.yml, which refuses to start without them
# Passwords of the two databases (make one with: openssl rand -hex 24).
# POSTGRES_PASSWORD=
# TEMPORAL_POSTGRES_PASSWORD=
# And CARILLON_SECRET_KEY, below.

# --- the product
"""


def render() -> str:
    """Return what the file must hold."""
    lines: list[str] = []
    for name, field in Settings.model_fields.items():
        lines += [f"# {line}" for line in textwrap.wrap(field.description or "", 96)]
        # The default of a secret is for development only.
        is_shown = field.default is not PydanticUndefined and not isinstance(
            field.default, SecretStr
        )
        value = as_variable(field.default) if is_shown else ""
        lines += [f"# CARILLON_{name.upper()}={value}", ""]
    return _HEAD + "\n".join(lines)


def main() -> None:
    """Write the file."""
    TARGET.write_text(render())


if __name__ == "__main__":
    main()

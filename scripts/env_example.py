"""Write `.env.example` from the settings: `python scripts/env_example.py`; `--check` compares."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from runtime.settings import Settings  # noqa: E402 - the path comes first

TARGET = ROOT / ".env.example"
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
    entries = [_entry(name, field) for name, field in Settings.model_fields.items()]
    return _HEAD + "\n".join(entries)


def _entry(name: str, field: FieldInfo) -> str:
    meaning = textwrap.wrap(field.description or "", 96)
    lines = [f"# {line}" for line in meaning]
    return "\n".join([*lines, f"# CARILLON_{name.upper()}={_default(field)}", ""])


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined or isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value)


def main() -> int:
    """Write the file, or with `--check` return 1 when it is not current."""
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text() == render() else 1
    TARGET.write_text(render())
    return 0


if __name__ == "__main__":
    sys.exit(main())

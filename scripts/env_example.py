"""Write `.env.example` from the settings, by section: `python -m scripts.env_example`."""

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

# --- docker-compose.yml refuses to start without these two and CARILLON_SECRET_KEY

# Passwords of the two databases; generate each with `openssl rand -hex 24`.
# POSTGRES_PASSWORD=
# TEMPORAL_POSTGRES_PASSWORD=
"""
# What everybody has to set comes first, what hardly anybody changes last.
SECTIONS: dict[str, tuple[str, ...]] = {
    "essentials": (
        "secret_key",
        "database_url",
        "temporal_address",
        "temporal_namespace",
        "public_url",
        "default_timezone",
        "default_locale",
        "retention_days",
    ),
    "the API": (
        "api_host",
        "api_port",
        "keep_alive_seconds",
        "rate_limits",
        "rate_limit_tiers",
        "max_body_bytes",
        "max_trigger_body_bytes",
        "body_seconds",
        "sockets",
        "sockets_of_user",
        "sockets_of_key",
    ),
    "what may be reached": ("allow_private_egress", "mail_relays", "connect_redirects"),
    "preferences": ("override_unsubscribed", "preference_link_days"),
    "logs and probes": ("log_level", "log_format", "ready_file"),
    "workers": (
        "shutdown_seconds",
        "worker_cached_workflows",
        "worker_workflow_slots",
        "worker_local_slots",
        "worker_delivery_slots",
        "worker_pollers",
        "worker_new_run_pollers",
        "worker_sandbox",
    ),
    "tuning": (
        "database_pool_size",
        "broadcast_rate",
        "schedule_clocks",
        "schedule_catch_up_seconds",
        "delivery_retry_factor",
        "step_retry_factor",
        "liquid_seconds",
        "starts_ahead",
        "start_timeout_seconds",
        "inline_start_limit",
        "sweep_seconds",
        "confirm_seconds",
    ),
    "the embedded stack of `carillon dev`": (
        "home",
        "workers",
        "smtp_url",
        "smtp_port",
        "temporal_port",
        "temporal_ui_port",
        "temporal_cli",
        "cache",
    ),
}


def render() -> str:
    """Return what the file must hold."""
    lines: list[str] = []
    for title, names in SECTIONS.items():
        lines += ["", f"# --- {title}", ""]
        for name in names:
            field = Settings.model_fields[name]
            lines += [f"# {line}" for line in textwrap.wrap(field.description or "", 96)]
            # The default of a secret is for development only.
            is_shown = field.default is not PydanticUndefined and not isinstance(
                field.default, SecretStr
            )
            value = as_variable(field.default) if is_shown else ""
            lines += [f"# CARILLON_{name.upper()}={value}", ""]
        lines.pop()
    return _HEAD + "\n".join([*lines, ""])


def main() -> None:
    """Write the file."""
    TARGET.write_text(render())


if __name__ == "__main__":
    main()

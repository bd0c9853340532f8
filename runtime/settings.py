"""All settings, from environment variables with the prefix `CARILLON_`.

The only module that reads the environment. Numbers that Knock's documentation fixes (limits of a
request, of a delay) are not settings; they live in `domain/`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.kit.zones import is_zone

MEGABYTE = 1024 * 1024
_NAME_LOOKUPS_AT_ONCE = 32
_SHORTEST_KEY = 16
_TIERS = 5
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
DEVELOPMENT_SECRET_KEY = "development-only-secret-key"  # noqa: S105 - the point is that it is none


class EngineSettings(BaseSettings):
    """What an operator may choose of how workflows run."""

    starts_ahead: int = Field(
        16,
        ge=0,
        le=1000,
        description="How many triggers may be under way to Temporal before a request waits for its "
        "own; 0 has each wait.",
    )
    start_timeout_seconds: float = Field(
        1.0, gt=0, description="How long such a request waits for Temporal before it is answered."
    )
    inline_start_limit: int = Field(
        25, ge=0, le=1000, description="Most runs that the request itself starts."
    )
    sweep_seconds: int = Field(
        15, ge=1, le=3600, description="How often, and after which age, unstarted work is swept."
    )
    broadcast_rate: float = Field(
        100.0,
        gt=0,
        description="How many recipients of one broadcast are started per second at most, so that "
        "neither other notifications nor providers are flooded.",
    )
    confirm_seconds: int = Field(
        300,
        ge=15,
        le=3600,
        description="How long after its release, in seconds, the runs of a trigger must have begun "
        "before somebody looks what became of them.",
    )
    retention_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="For how many days messages, runs and their logs are kept; 0 keeps them. What "
        "a feed shows is kept in any case.",
    )
    delivery_retry_factor: float = Field(
        1.0,
        ge=0.0001,
        le=1.0,
        description="Scales the waits between delivery attempts (1.0: eight within 30 minutes).",
    )
    step_retry_factor: float = Field(
        1.0, ge=0.0001, le=1.0, description="Scales the waits between attempts of a failing step."
    )
    default_locale: str = Field(
        "en", max_length=35, description="Whose translations are for whom there are no others."
    )
    default_timezone: str = Field(
        "Etc/UTC",
        description="The time zone of whoever has none, or none that exists: for schedules, window "
        "rules, send windows and dates in templates. API and workers need the same one. What a "
        "schedule has for its next occurrence stays when it is changed.",
    )
    override_unsubscribed: bool = Field(
        False,
        description="Let commercial workflows that override preferences reach those, too, who "
        "have unsubscribed from commercial messages. The law of most countries forbids it.",
    )
    schedule_clocks: int = Field(
        4,
        ge=1,
        le=64,
        description="Temporal workflows that look after all schedules; more of them fire more at "
        "once.",
    )
    schedule_catch_up_seconds: int = Field(
        3600,
        ge=1,
        le=86_400,
        description="How late an occurrence of a schedule may happen; after an outage the latest "
        "that was missed happens once, unless it is older.",
    )
    liquid_seconds: float = Field(
        1.0, gt=0, le=5, description="Longest CPU time that the templates of one message may take."
    )


class Settings(EngineSettings):
    """What an operator may choose. Every field has a line in `.env.example`."""

    model_config = SettingsConfigDict(env_prefix="CARILLON_", env_file=".env", extra="ignore")

    # --- where things are
    database_url: str = Field(
        "postgresql://carillon:carillon@127.0.0.1:5432/carillon",
        description="PostgreSQL 15 or newer, as a libpq URL.",
    )
    database_pool_size: int = Field(
        20, ge=1, le=500, description="Most connections that one process opens."
    )
    temporal_address: str = Field(
        "127.0.0.1:7233",
        description="Temporal frontend. TLS and API keys come from TEMPORAL_* variables.",
    )
    temporal_namespace: str = Field("default", description="Temporal namespace.")

    # --- security
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET_KEY),
        description="Encrypts channel credentials. Several, comma-separated: the first encrypts, "
        "all decrypt (rotation). At least 16 characters.",
    )
    allow_private_egress: bool = Field(
        False,
        description="Let webhook and provider calls reach loopback and private addresses.",
    )
    mail_relays: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Mail servers on loopback or private addresses that e-mail channels may use, "
        "comma-separated host names; the one of CARILLON_SMTP_URL is among them.",
    )

    connect_redirects: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Where people may be sent back to after they have connected Slack or Microsoft "
        "Teams: origins such as https://app.example.org, comma-separated. In the environment "
        "`development` also any page of this machine.",
    )

    # --- the API
    api_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(8000, ge=0, le=65535, description="Port of the API; 0 picks a free one.")
    public_url: str | None = Field(
        None,
        description="Where recipients reach the API, such as https://notify.example.org: links to "
        "unsubscribe, to set preferences, and tracked ones lead there, and sources send there. "
        "Workers need it as well. Default: host and port of the API, or what a request has asked.",
    )
    preference_link_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="How long a link to somebody's preferences works, in days; 0: for ever.",
    )
    keep_alive_seconds: int = Field(
        75,
        ge=5,
        le=3600,
        description="How long the API keeps an idle connection. Longer than clients and the proxy "
        "before it do, or their next request may meet a connection that is just being closed.",
    )
    rate_limits: bool = Field(True, description="Enforce Knock's rate-limit tiers.")
    rate_limit_tiers: Annotated[tuple[int, ...], NoDecode] = Field(
        (1, 5, 60, 200, 1000),
        description="Requests per second of tiers 1 to 5, comma-separated.",
    )
    max_body_bytes: int = Field(
        2 * MEGABYTE, ge=1024, description="Largest request body, in bytes."
    )
    max_trigger_body_bytes: int = Field(
        32 * MEGABYTE, ge=1024, description="Largest body of a trigger request, in bytes."
    )

    body_seconds: float = Field(
        60.0, gt=0, description="How long a request body may take to arrive, in seconds."
    )

    sockets: int = Field(
        10_000,
        ge=0,
        description="Most sockets that one API process keeps open; to pages beyond them it says "
        "that it is busy, and they fetch their feeds as before.",
    )
    sockets_of_user: int = Field(
        100, ge=1, description="Most of them that one user has who comes with a token."
    )
    sockets_of_key: int = Field(
        5_000, ge=1, description="Most of them of one key whose pages have no user token."
    )

    # --- workers
    worker_cached_workflows: int = Field(
        100, ge=10, description="Sleeping runs that a worker process keeps in memory."
    )
    worker_workflow_slots: int = Field(100, ge=1, description="Workflow tasks at once.")
    worker_local_slots: int = Field(50, ge=1, description="Walks (local activities) at once.")
    worker_delivery_slots: int = Field(50, ge=1, description="Deliveries at once, per queue.")
    worker_pollers: int = Field(5, ge=2, description="Pollers of the runs queue.")
    worker_new_run_pollers: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of them that asks for new runs; the rest asks for more work of runs "
        "that are in memory. At least one each.",
    )
    worker_sandbox: bool = Field(False, description="Run workflow code in Temporal's sandbox.")
    shutdown_seconds: int = Field(
        20, ge=0, description="How long a stopping worker lets activities finish."
    )

    ready_file: Path | None = Field(
        None,
        description="A file that a worker makes once it polls, and touches every few seconds for "
        "as long as it is not hung; for supervisors and probes.",
    )

    # --- logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is written."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="One JSON object per line, or text."
    )

    # --- the embedded stack of `carillon dev`
    home: Path = Field(Path(".carillon"), description="Data folder of the embedded stack.")
    temporal_port: int = Field(7233, ge=0, le=65535, description="Embedded Temporal; 0: any free.")
    temporal_ui_port: int = Field(
        8233, ge=0, le=65535, description="Embedded Temporal UI; 0: any free."
    )
    smtp_port: int = Field(2525, ge=0, le=65535, description="Embedded SMTP sink; 0: any free.")
    smtp_url: str | None = Field(
        None, description="Send the seeded e-mail channel here instead of to the embedded sink."
    )
    workers: int = Field(1, ge=1, le=64, description="Worker processes of the embedded stack.")
    temporal_cli: Path | None = Field(
        None,
        description="The `temporal` program to use for the embedded server instead of the one "
        "that is installed with the dependencies.",
    )
    cache: Path | None = Field(
        None,
        description="Where a downloaded Temporal server is kept (default: the user's cache "
        "folder).",
    )

    @property
    def public_address(self) -> str:
        """Return where recipients reach the API, without a slash at the end."""
        return (self.public_url or f"http://{self.api_host}:{self.api_port}").rstrip("/")

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """Return the encryption keys, the one that encrypts first."""
        return _parts(self.secret_key.get_secret_value())

    # What is wrong here would come out later, far away, as an error of another program. None of the
    # messages repeats the value: it may hold a password.

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        try:
            ports = str(conninfo_to_dict(value).get("port") or "0").split(",")
        except ProgrammingError:
            ports = ["unknown"]
        is_url = value.startswith(("postgresql://", "postgres://"))
        if not is_url or not all(port.isdecimal() for port in ports):
            raise ValueError("must be a PostgreSQL URL such as postgresql://user@host:5432/name")
        return value

    @field_validator("temporal_address")
    @classmethod
    def _check_temporal_address(cls, value: str) -> str:
        if not _ADDRESS.fullmatch(value):
            raise ValueError("must be a host and a port such as temporal.example.org:7233")
        return value

    @field_validator("default_timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        if not is_zone(value):
            raise ValueError("must be the name of a time zone such as Europe/Berlin")
        return value

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: SecretStr) -> SecretStr:
        keys = _parts(value.get_secret_value())
        if not keys or any(len(key) < _SHORTEST_KEY for key in keys):
            raise ValueError(f"every key must have at least {_SHORTEST_KEY} characters")
        return value

    @field_validator("mail_relays", mode="before")
    @classmethod
    def _split_relays(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("connect_redirects", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        origins = _parts(value) if isinstance(value, str) else value
        for origin in origins if isinstance(origins, tuple) else ():
            if not _ORIGIN.fullmatch(str(origin)):
                raise ValueError("must be origins such as https://app.example.org")
        return origins

    @field_validator("rate_limit_tiers", mode="before")
    @classmethod
    def _check_tiers(cls, value: object) -> object:
        tiers = _parts(value) if isinstance(value, str) else value
        if not isinstance(tiers, tuple | list) or len(tiers) != _TIERS:
            raise ValueError(f"must be {_TIERS} numbers, separated by commas")
        if not all(re.fullmatch(r"[1-9][0-9]{0,8}", str(tier)) for tier in tiers):
            raise ValueError("every number must be whole and above 0")
        return tuple(int(tier) for tier in tiers)

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        try:
            url = urlsplit(value or "")
            is_url = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
        except ValueError:  # of brackets in the host, or of the port
            is_url = False
        if value and (not is_url or url.query or url.fragment):
            raise ValueError("must be an address such as https://notify.example.org")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: str | None) -> str | None:
        try:
            url = urlsplit(value or "")
            is_url = url.scheme in {"smtp", "smtps"} and bool(url.hostname) and url.port != 0
        except ValueError:  # of brackets in the host, or of the port
            is_url = False
        if value and not is_url:
            raise ValueError("must look like smtp://user:password@host:port or smtps://…")
        return value


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def as_variable(value: object) -> str:
    """Write the value of a setting as its environment variable holds it; None as nothing."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value)


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()


def widen_name_lookups() -> None:
    """Let the event loop look up more names at once than the four that libuv's threads allow.

    One slow name server would otherwise hold up every webhook, mail and reconnect of a process.
    Call it before the loop has looked up anything; an operator's own value stays.
    """
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(_NAME_LOOKUPS_AT_ONCE))


def child_environment(**overrides: str) -> dict[str, str]:
    """Return this process's environment with overrides, for processes that we start."""
    return {**os.environ, **overrides}

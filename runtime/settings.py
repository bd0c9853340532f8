"""All settings, from environment variables with the prefix `CARILLON_`.

The only module that reads the environment. Numbers that Knock's documentation fixes (limits of a
request, of a delay) are not settings; they live in `domain/`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runtime import setting_checks as checks

MEGABYTE = 1024 * 1024
DEVELOPMENT_SECRET_KEY = "development-only-secret-key"  # noqa: S105 - the point is that it is none


class EngineSettings(BaseSettings):
    """What an operator may choose of how workflows run."""

    starts_ahead: int = Field(
        16,
        ge=0,
        le=1000,
        description="How many triggers one API process may be starting in Temporal before "
        "requests wait for their own start; 0: every request waits.",
    )
    start_timeout_seconds: float = Field(
        1.0,
        gt=0,
        description="How long a request waits for Temporal, in seconds, before it is answered "
        "anyway.",
    )
    inline_start_limit: int = Field(
        25,
        ge=0,
        le=1000,
        description="How many runs of a trigger a request starts itself; more are started by a "
        "fan-out.",
    )
    sweep_seconds: int = Field(
        15,
        ge=1,
        le=3600,
        description="How often the sweep runs, in seconds, and how old unstarted work must be for "
        "it.",
    )
    broadcast_rate: float = Field(
        100.0,
        gt=0,
        description="How many recipients of a broadcast are started per second at most, to spare "
        "other notifications and providers.",
    )
    confirm_seconds: int = Field(
        300,
        ge=15,
        le=3600,
        description="How many seconds after the start of a trigger's runs the sweep checks that "
        "they began.",
    )
    retention_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="For how many days messages, runs and their logs are kept; 0: forever. What a "
        "feed shows is always kept.",
    )
    delivery_retry_factor: float = Field(
        1.0,
        ge=0.0001,
        le=1.0,
        description="Scales the waits between delivery attempts; 1.0 means eight attempts within "
        "30 minutes.",
    )
    step_retry_factor: float = Field(
        1.0,
        ge=0.0001,
        le=1.0,
        description="Scales the waits between the attempts of a failing step.",
    )
    default_locale: str = Field(
        "en", max_length=35, description="Fallback locale for translations."
    )
    default_timezone: str = Field(
        "Etc/UTC",
        description="Time zone of recipients that have none, or an unknown one: for schedules, "
        "window rules, send windows and dates in templates. Must be the same for API and "
        "workers. A change does not move occurrences of schedules that are already planned.",
    )
    override_unsubscribed: bool = Field(
        False,
        description="Send commercial workflows that override preferences even to recipients who "
        "have unsubscribed from commercial messages. Most countries' laws forbid it.",
    )
    schedule_clocks: int = Field(
        4,
        ge=1,
        le=64,
        description="How many Temporal workflows look after the schedules; with more of them, "
        "more schedules can fire at once.",
    )
    schedule_catch_up_seconds: int = Field(
        3600,
        ge=1,
        le=86_400,
        description="How many seconds late a schedule may still fire; after an outage, only the "
        "latest missed occurrence does.",
    )
    liquid_seconds: float = Field(
        1.0,
        gt=0,
        le=5,
        description="How much CPU time the templates of one message may take, in seconds.",
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
        20, ge=1, le=500, description="How many database connections one process opens at most."
    )
    temporal_address: str = Field(
        "127.0.0.1:7233",
        description="Address of the Temporal frontend. TLS and API keys come from TEMPORAL_* "
        "variables.",
    )
    temporal_namespace: str = Field("default", description="Temporal namespace.")

    # --- security
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET_KEY),
        description="Encrypts channel credentials, webhook secrets and secret variables. At least "
        "16 characters; generate it with `openssl rand -base64 32`, because a guessable phrase "
        "stays guessable. To rotate, list several keys, separated by commas: the first "
        "encrypts, all decrypt.",
    )
    allow_private_egress: bool = Field(
        False,
        description="Let webhook and provider calls reach loopback and private addresses.",
    )
    mail_relays: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names, separated by commas, of mail servers on loopback or private "
        "addresses that e-mail channels may use. The host of CARILLON_SMTP_URL is always "
        "allowed.",
    )

    connect_redirects: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Where people may return to after connecting Slack or Microsoft Teams: "
        "origins such as https://app.example.org, separated by commas. In `development` any "
        "page of this machine, too.",
    )

    # --- the API
    api_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(
        8000, ge=0, le=65535, description="Port that the API listens on; 0 picks a free one."
    )
    public_url: str | None = Field(
        None,
        description="Where recipients reach the API, such as https://notify.example.org. "
        "Unsubscribe, preference and tracked links lead there, and sources and vendors call it. "
        "API and workers need the same value. Default: host and port of the API, or of the "
        "request.",
    )
    preference_link_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="For how many days a link to a user's preferences works; 0: forever.",
    )
    keep_alive_seconds: int = Field(
        75,
        ge=5,
        le=3600,
        description="How long the API keeps an idle connection, in seconds. Set it above the idle "
        "time-out of clients and proxies, or a request may meet a connection that is just being "
        "closed.",
    )
    rate_limits: bool = Field(True, description="Enforce Knock's rate-limit tiers.")
    rate_limit_tiers: Annotated[tuple[int, ...], NoDecode] = Field(
        (1, 5, 60, 200, 1000),
        description="Requests per second of the rate-limit tiers 1 to 5, separated by commas.",
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
        description="How many sockets one API process keeps open at most; further pages are "
        "refused, and fetch their feeds without being notified.",
    )
    sockets_of_user: int = Field(
        100,
        ge=1,
        description="How many sockets a user with a user token may have open in one API process.",
    )
    sockets_of_key: int = Field(
        5_000,
        ge=1,
        description="How many sockets pages without a user token may have open in one API process "
        "for one key; their users cannot be told apart.",
    )

    # --- workers
    worker_cached_workflows: int = Field(
        100, ge=10, description="How many sleeping runs a worker process keeps in memory."
    )
    worker_workflow_slots: int = Field(
        100, ge=1, description="How many workflow tasks a worker process works on at once."
    )
    worker_local_slots: int = Field(
        50, ge=1, description="How many walks (local activities) a worker process works on at once."
    )
    worker_delivery_slots: int = Field(
        50, ge=1, description="How many deliveries a worker process makes at once, per queue."
    )
    worker_pollers: int = Field(
        5,
        ge=2,
        description="How many pollers a worker process has for workflow tasks of the queue `runs`.",
    )
    worker_new_run_pollers: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of a worker's pollers that ask for new runs; the others ask for more "
        "work on runs in memory. There is at least one of each.",
    )
    worker_sandbox: bool = Field(False, description="Run workflow code in Temporal's sandbox.")
    shutdown_seconds: int = Field(
        20,
        ge=0,
        description="How many seconds a stopping process gives its requests or activities to "
        "finish.",
    )

    ready_file: Path | None = Field(
        None,
        description="A file that a worker creates once it polls, and touches every few seconds "
        "unless it hangs; for supervisors and probes.",
    )

    # --- logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="`json` writes one JSON object per line, `text` is for human readers."
    )

    # --- the embedded stack of `carillon dev`
    home: Path = Field(Path(".carillon"), description="Data folder of the embedded stack.")
    temporal_port: int = Field(
        7233, ge=0, le=65535, description="Port of the embedded Temporal; 0 picks a free one."
    )
    temporal_ui_port: int = Field(
        8233, ge=0, le=65535, description="Port of the embedded Temporal UI; 0 picks a free one."
    )
    smtp_port: int = Field(
        2525, ge=0, le=65535, description="Port of the embedded SMTP sink; 0 picks a free one."
    )
    smtp_url: str | None = Field(
        None,
        description="Mail server of the seeded e-mail channel, instead of the embedded SMTP sink.",
    )
    workers: int = Field(
        1, ge=1, le=64, description="How many worker processes the embedded stack starts."
    )
    temporal_cli: Path | None = Field(
        None,
        description="Path of a `temporal` program for the embedded server, instead of the one "
        "that is installed with the dependencies.",
    )
    cache: Path | None = Field(
        None,
        description="Where a downloaded Temporal server is kept; by default in the user's cache "
        "folder.",
    )

    @property
    def public_address(self) -> str:
        """Return where recipients reach the API, without a slash at the end."""
        return (self.public_url or f"http://{self.api_host}:{self.api_port}").rstrip("/")

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """Return the encryption keys, the one that encrypts first."""
        return checks.parts(self.secret_key.get_secret_value())

    @field_validator("home", "cache", "ready_file", "temporal_cli", mode="before")
    @classmethod
    def _no_path(cls, value: object, info: ValidationInfo) -> object:
        """Take an empty path for one that is not set; to Python it is the working folder."""
        return cls.model_fields[info.field_name or ""].default if value == "" else value

    _database_url = field_validator("database_url")(checks.database_url)
    _temporal_address = field_validator("temporal_address")(checks.temporal_address)
    _default_timezone = field_validator("default_timezone")(checks.zone)
    _secret_key = field_validator("secret_key")(checks.secret_key)
    _mail_relays = field_validator("mail_relays", mode="before")(checks.hosts)
    _connect_redirects = field_validator("connect_redirects", mode="before")(checks.origins)
    _rate_limit_tiers = field_validator("rate_limit_tiers", mode="before")(checks.tiers)
    _public_url = field_validator("public_url")(checks.public_url)
    _smtp_url = field_validator("smtp_url")(checks.smtp_url)


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()

"""The command line and environment of each process of the embedded stack."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from commands.dev.home import Home
from commands.embedded.postgres import EmbeddedPostgres
from commands.embedded.temporal import ENVIRONMENT, TemporalPlace, start_command
from commands.processes import ChildSpec, SignOfLife, touched_file
from runtime.process_environment import as_variable, child_environment
from runtime.settings import Settings

_ROOT = Path(__file__).parents[2]
# Our packages come from where this file is, whatever the current folder holds.
_PYTHON = (sys.executable, "-P", "-m")
_TEMPORAL_STOP_SECONDS = 10.0
_POSTGRES_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The product's own programs; tests put others in their place.

    Attributes:
        prepare: migrates and seeds; is given `--keys-file` and `--report` with a path each.
        api: serves `/ready` and `/health` on `CARILLON_API_HOST` and `CARILLON_API_PORT`.
        worker: makes the file `CARILLON_READY_FILE` once it works, and goes on touching it.
    """

    prepare: tuple[str, ...] = (*_PYTHON, "commands.cli", "seed", "--migrate")
    api: tuple[str, ...] = (*_PYTHON, "commands.cli", "api")
    worker: tuple[str, ...] = (*_PYTHON, "commands.cli", "worker")


def development_settings(home: Home) -> dict[str, str]:
    """Return the settings that differ on a developer's machine, unless the user chose them."""
    return {
        "allow_private_egress": "true",
        "rate_limits": "false",
        "log_format": "text",
        "secret_key": home.secret_key(),
    }


def stack_environment(settings: Settings, home: Home) -> dict[str, str]:
    """Return the environment of our own processes: what the user chose, and what dev changes."""
    chosen: dict[str, str] = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        text = as_variable(value.expanduser().absolute() if isinstance(value, Path) else value)
        if text:
            chosen[name] = text
    values = {**development_settings(home), **chosen, "home": str(home.root)}
    return child_environment(
        PYTHONPATH=str(_ROOT), **{f"CARILLON_{name.upper()}": text for name, text in values.items()}
    )


def postgres_spec(server: EmbeddedPostgres, home: Home) -> ChildSpec:
    """Describe the embedded PostgreSQL; SIGINT is its fast shutdown."""
    return ChildSpec(
        name="postgres",
        command=tuple(server.command),
        environment=child_environment(),
        log=home.log("postgres"),
        account=server.account,
        stop_signal=signal.SIGINT,
        stop_seconds=_POSTGRES_STOP_SECONDS,
        death_signal=signal.SIGINT,
    )


def temporal_spec(binary: Path, place: TemporalPlace, home: Home) -> ChildSpec:
    """Describe the embedded Temporal dev server."""
    return ChildSpec(
        name="temporal",
        command=start_command(binary, place),
        environment=child_environment(**ENVIRONMENT),
        log=home.log("temporal"),
        folder=place.database.parent,
        stop_seconds=_TEMPORAL_STOP_SECONDS,
    )


def smtp_spec(port: int, home: Home) -> ChildSpec:
    """Describe the SMTP sink."""
    return ChildSpec(
        name="smtp",
        command=(
            *_PYTHON,
            "commands.embedded.smtp_sink",
            "--port",
            str(port),
            "--mail",
            str(home.mail),
        ),
        environment=child_environment(PYTHONPATH=str(_ROOT)),
        log=home.log("smtp"),
    )


def api_spec(
    programs: Programs, environment: dict[str, str], home: Home, sign_of_life: SignOfLife
) -> ChildSpec:
    """Describe the API process."""
    return ChildSpec(
        name="api",
        command=programs.api,
        environment=environment,
        log=home.log("api"),
        sign_of_life=sign_of_life,
    )


def worker_spec(
    programs: Programs, environment: dict[str, str], home: Home, *, number: int, seconds: float
) -> ChildSpec:
    """Describe one worker process on all queues.

    Args:
        programs: what to run.
        environment: of our own processes.
        home: the data folder.
        number: counts from 1.
        seconds: how long it lets activities finish when asked to stop.
    """
    name = f"worker-{number}"
    ready_file = home.ready_file(name)
    return ChildSpec(
        name=name,
        command=programs.worker,
        environment={**environment, "CARILLON_READY_FILE": str(ready_file)},
        log=home.log(name),
        ready_file=ready_file,
        stop_seconds=seconds + 5.0,
        sign_of_life=touched_file(ready_file),
    )


def prepare_spec(programs: Programs, environment: dict[str, str], home: Home) -> ChildSpec:
    """Describe the one process that migrates and seeds, then ends."""
    files = ("--keys-file", str(home.keys), "--report", str(home.seeded))
    return ChildSpec(
        name="prepare",
        command=(*programs.prepare, *files),
        environment=environment,
        log=home.log("prepare"),
    )

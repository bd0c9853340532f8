"""The `carillon` command: its subcommands import what they need only when they are called."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from commands.arguments import Argument, argument, help_of
from domain.contract.queues import ALL_QUEUES
from domain.kit.errors import AppError, InvalidParams
from domain.realtime.frames import LONGEST_FRAME
from runtime.process_environment import widen_name_lookups
from runtime.settings import Settings, get_settings

Arguments = argparse.Namespace
Run: TypeAlias = Callable[[Settings, Arguments], int]
# A command whose words are read: all that it still needs.
Ready: TypeAlias = Callable[[Settings], int]


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand: what it does, and what reads its words.

    Words are read before settings, so that its help is there where a setting is wrong.
    """

    summary: str
    read: Callable[[list[str]], Ready]


COMMANDS: dict[str, Command] = {}


def _command(name: str, *arguments: Argument) -> Callable[[Run], Run]:
    """Make a function a subcommand; the first line of its docstring is its help."""

    def register(run: Run) -> Run:
        def read(words: list[str]) -> Ready:
            parser = argparse.ArgumentParser(prog=f"carillon {name}", description=run.__doc__)
            for add_to in arguments:
                add_to(parser)
            parsed = parser.parse_args(words)
            return lambda settings: run(settings, parsed)

        COMMANDS[name] = Command(help_of(run), read)
        return run

    return register


def _module(name: str, module: str, summary: str, *, joins: bool = False) -> None:
    """Make a module a subcommand, with a `PARSER` of its words and `main(settings, parsed) -> int`.

    It is imported when it is called, and says itself which library it misses.

    Args:
        name: of the subcommand.
        module: to import.
        summary: the help.
        joins: whether it works on the running stack of `carillon dev`, unless another database is
            named.
    """

    def read(words: list[str]) -> Ready:
        command = importlib.import_module(module)
        parsed = command.PARSER.parse_args(words)

        def run(settings: Settings) -> int:
            if joins:
                from commands.dev.joining import join_running_stack

                settings = join_running_stack(settings)
            exit_code: int = command.main(settings, parsed)
            return exit_code

        return run

    COMMANDS[name] = Command(summary, read)


def _queues(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in ALL_QUEUES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown queue {', '.join(unknown) or repr(text)}; known: {', '.join(ALL_QUEUES)}"
        )
    return names


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number, 1 or greater")
    return int(text)


@_command(
    "api",
    argument(
        "--processes", type=_positive, default=1, help="number of processes, which share one port"
    ),
)
def serve_api(settings: Settings, arguments: Arguments) -> int:
    """Serve the HTTP API."""
    import uvicorn

    uvicorn.run("api.main:create_app", workers=arguments.processes, **server_options(settings))
    return 0


def server_options(settings: Settings) -> dict[str, Any]:
    """Return what uvicorn is told, also by each of several processes."""
    return {
        "factory": True,
        "host": settings.api_host,
        "port": settings.api_port,
        "loop": "uvloop",
        "http": "httptools",
        "ws": "websockets-sansio",
        # What a page says is short, and so is what it is told.
        "ws_max_size": LONGEST_FRAME,
        "ws_per_message_deflate": False,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        # Who closes an idle connection first wins: a client that uses one at the very moment at
        # which the server closes it gets an error for a request that was never read.
        "timeout_keep_alive": settings.keep_alive_seconds,
        "timeout_graceful_shutdown": settings.shutdown_seconds,
        # Where there are several processes, one that gives no answer for this long is replaced.
        # The stock five seconds also hit those that are only starting on a busy machine, again and
        # again.
        "timeout_worker_healthcheck": 60,
    }


@_command(
    "worker",
    argument(
        "--queues",
        type=_queues,
        default=ALL_QUEUES,
        help=f"comma-separated, from: {', '.join(ALL_QUEUES)} (default: all)",
    ),
    argument("--processes", type=_positive, default=1, help="worker processes"),
)
def work(settings: Settings, arguments: Arguments) -> int:
    """Work on task queues."""
    if arguments.processes > 1:
        from commands.worker_group import run_worker_group
        from runtime.logs import configure_logs

        configure_logs(settings, process="workers")
        asyncio.run(run_worker_group(settings, arguments.queues, processes=arguments.processes))
        return 0
    import uvloop

    from commands.worker import run_worker

    widen_name_lookups()
    if settings.ready_file is not None:  # left by the last start of the same container
        settings.ready_file.unlink(missing_ok=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_worker(settings, arguments.queues))
    return 0


@_command("migrate")
def migrate_database(settings: Settings, arguments: Arguments) -> int:
    """Upgrade the database to the newest schema."""
    from commands.migrate import migrate

    migrate(settings)
    return 0


@_command(
    "seed",
    argument("--migrate", action="store_true", help="migrate first"),
    argument("--keys-file", type=Path, help="file to read keys from, or to write new ones to"),
    argument("--report", type=Path, help="write what was seeded to this file, as JSON"),
)
def seed_database(settings: Settings, arguments: Arguments) -> int:
    """Create environments, keys, channels and samples."""
    from commands.files import write_atomically
    from commands.seed.keys import SeededStack, load_or_make_keys
    from commands.seed.seed import seed
    from services.composition import open_for_command

    if arguments.migrate:
        migrate_database(settings, arguments)
    keys_file: Path = arguments.keys_file or settings.home / "keys.json"
    keys_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = load_or_make_keys(keys_file)

    async def run() -> SeededStack:
        async with open_for_command(settings, process="seed") as engine:
            return await seed(engine, keys)

    report = json.dumps(asdict(asyncio.run(run())), indent=2)
    if arguments.report is not None:
        write_atomically(arguments.report, report.encode())
    else:
        print(report)
        print(f"The keys are in {keys_file}.", file=sys.stderr)
    return 0


@_command("dev")
def start_stack(settings: Settings, arguments: Arguments) -> int:
    """Run the whole product on this machine."""
    from commands.dev.command import run_dev

    return run_dev(settings)


@_command("reset")
def reset_stack(settings: Settings, arguments: Arguments) -> int:
    """Delete the data of `carillon dev`."""
    from commands.dev.command import run_reset

    return run_reset(settings)


_module(
    "admin",
    "commands.admin",
    "set up the account and its channels; move what is stuck",
    joins=True,
)
_module(
    "explain",
    "commands.explain",
    "say what a run did, and why each message came or did not",
    joins=True,
)
_module(
    "what-if", "commands.what_if", "show who would get what if content were published", joins=True
)
_module("demo", "commands.demo", "send real input through a running product and show what came out")
_module(
    "replay",
    "commands.replay",
    "replay runs of the Temporal server against this code",
    joins=True,
)


def _configure_logs(settings: Settings, command: str) -> None:
    """Send logs to standard error: what a command answers on standard output may be JSON."""
    from runtime.logs import configure_logs

    configure_logs(settings, process=command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code; what users can put right is one line."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="carillon", description="Durable notifications.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        subparsers.add_parser(name, help=command.summary)
    # What comes behind the name of a subcommand is its own.
    chosen = parser.parse_args(words[:1])
    try:
        run = COMMANDS[chosen.command].read(words[1:])
        settings = get_settings()
        if argv is None:
            _configure_logs(settings, chosen.command)
        return run(settings)
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            reason = problem["msg"].removeprefix("Value error, ")
            reason = reason.replace("Input should be", "must be")
            print(f"carillon: CARILLON_{name}: {reason}", file=sys.stderr)
        return 2
    except InvalidParams as refusal:
        for violation in refusal.errors:
            print(f"carillon: {violation}", file=sys.stderr)
        return 1
    except AppError as error:
        print(f"carillon: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

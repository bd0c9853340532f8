"""Small programs that stand in for the product's own while the supervisor is tested.

Run by path: `python stand_ins.py prepare|api|worker|broken|refusing …`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import psycopg
from uvicorn import Config, Server

CHANNELS = {"email": {"key": "smtp", "id": "4c7d3b0e-0000-4000-8000-000000000001"}}


def prepare(arguments: list[str]) -> None:
    """Write one row per start into the given database, and the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys-file", type=Path)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args(arguments)
    with psycopg.connect(os.environ["CARILLON_DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS starts (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO starts DEFAULT VALUES")
    options.report.write_text(json.dumps({"channels": CHANNELS}))


async def application(scope: dict, receive: object, send: object) -> None:
    """Answer every request with the environment that the supervisor gave us."""
    if scope["type"] != "http":
        return
    chosen = {name: value for name, value in os.environ.items() if name.startswith("CARILLON_")}
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(chosen).encode()})


def api(arguments: list[str]) -> None:
    """Serve on the port of the settings."""
    port = int(os.environ["CARILLON_API_PORT"])
    Server(Config(application, port=port, log_config=None, lifespan="off")).run()


def worker(arguments: list[str]) -> None:
    """Say ready and go on saying so, until it is stopped."""

    async def work() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        while not stop.is_set():
            Path(os.environ["CARILLON_READY_FILE"]).touch()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.1)

    asyncio.run(work())


def broken(arguments: list[str]) -> None:
    """Fail as a program with a bug does."""
    sys.exit("it has a bug")


def refusing(arguments: list[str]) -> None:
    """Fail as a command does that says what users can put right."""
    sys.exit("carillon: There is no database.")


def stand_in(name: str) -> tuple[str, ...]:
    """Return the command that runs one of these programs."""
    return (sys.executable, str(Path(__file__).resolve()), name)


def supervise(arguments: list[str]) -> None:
    """Run `carillon dev` with these programs in place of the product's, in the given folder."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from commands.dev.command import run_dev
    from commands.dev.parts import Programs
    from runtime.settings import Settings

    programs = Programs(stand_in("prepare"), stand_in("api"), stand_in("worker"))
    sys.exit(run_dev(Settings(home=Path(arguments[0])), programs))


PROGRAMS = {
    "prepare": prepare,
    "api": api,
    "worker": worker,
    "broken": broken,
    "refusing": refusing,
    "supervise": supervise,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2:])

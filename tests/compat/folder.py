"""`python -m tests.compat.folder FOLDER …`: does the content of a folder survive?

Every resource beneath a folder, as Knock's CLI writes them, goes to a fresh account by that CLI:
pushed, committed, rendered, walked, promoted, pulled from production, compared, and pushed again.
What is refused or lost, fails to render or to run is printed, and ends the command with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.channels.in_app_feed import FEED_PROVIDER
from domain.channels.in_app_guide import GUIDE_PROVIDER
from domain.kit.errors import AppError
from domain.kit.json_types import JsonObject, JsonValue
from runtime.logs import configure_logs
from runtime.settings import Settings
from tests.compat.real_walks import RealWalks, data_for
from tests.compat.stand_in import MODELS, Answers, StandIn
from tests.support.account import Account, Seeded, make_engine
from tests.support.application import application
from tests.support.knock_cli import KnockCli
from tests.support.knock_folders import (
    MAIN_FILES,
    gather,
    lost,
    read_folder,
    read_one,
    steps_within,
)
from tests.support.node import NodePackages, node_packages
from tests.support.postgres import new_database, running_cluster
from tests.support.server import serving
from tests.support.temporal_recorder import TemporalRecorder

_PROVIDERS = {
    "in_app_feed": FEED_PROVIDER,
    "in_app_guide": GUIDE_PROVIDER,
    "http": "http_knock_webhook",
    **{each: f"sandbox_{each}" for each in ("email", "sms", "push", "chat")},
}
_ADA = {
    "id": "ada",
    "name": "Ada",
    "email": "ada@example.com",
    "phone_number": "+4915112345678",
    "timezone": "Europe/Berlin",
}
_BEGINS_WITH_VARIABLE = re.compile(r"\{\{-?\s*vars\.(\w+)")


class RoundTrip:
    """One folder on its way through an account.

    Attributes:
        problems: what was refused, lost or did not render, a line each.
    """

    def __init__(
        self, cli: KnockCli, http: httpx.AsyncClient, walks: RealWalks, data: JsonObject
    ) -> None:
        """Make one.

        Args:
            cli: works in an empty folder.
            http: calls the same account.
            walks: walks in its first environment.
            data: of previews.
        """
        self.problems: list[str] = []
        self._cli = cli
        self._http = http
        self._walks = walks
        self._data = data

    async def take(self, source: Path) -> None:
        """Bring everything beneath a folder there and back."""
        names = gather(source, self._cli.folder / "knock")
        if not (self._cli.folder / "knock").is_dir():
            print(f"{source}: nothing of Knock's CLI")
            return
        written = self._readable(names)
        print(f"{source}: {len(written)} resources", flush=True)
        await self._make_channels(written)
        await self._make_models(written)
        await self._make_variables(written)
        await self._push(written)
        await self._say("commit", await self._cli.run("commit", "-m", "Round trip", "--force"))
        await self._render(written)  # with the layouts, partials and texts that are committed
        await self._walk(written)
        await self._make_static_audiences(written)
        words = ("commit", "promote", "--to", "production", "--force")
        await self._say("promote", await self._cli.run(*words))
        await self._compare(written)
        await self._push_again()

    def _readable(self, names: list[str]) -> dict[str, JsonValue]:
        """Read the resources, and leave aside those whose files are missing or are no JSON."""
        folder = self._cli.folder / "knock"
        try:
            return read_folder(folder)
        except (OSError, ValueError):
            pass
        for name in names:
            try:
                read_one(folder, name)
            except (OSError, ValueError) as error:
                self._note(f"{name} cannot be read: {error}")
                self._drop(name)
        return read_folder(folder)

    async def _make_channels(self, written: dict[str, JsonValue]) -> None:
        """Set up a channel for every key that steps and guides name."""
        known = (await self._http.get("/v1/channels", params={"limit": 100})).json()["entries"]
        taken = {channel["key"] for channel in known}
        for key, channel_type in _channels_named(written):
            provider = _PROVIDERS.get(channel_type)
            if key in taken or provider is None:
                continue
            taken.add(key)
            channel = {"name": key, "type": channel_type, "provider": provider}
            made = await self._http.put(f"/v1/admin/channels/{key}", json=channel)
            if not made.is_error and channel_type != "http":  # which would need a request
                here = f"/v1/admin/channels/{key}/environments/development"
                made = await self._http.put(here, json={})
            if made.is_error:
                self._note(f"channel {key}: {made.text[:300]}")

    async def _push(self, written: dict[str, JsonValue]) -> None:
        """Push everything at once, or what is refused then piece by piece."""
        status, _ = await self._cli.run("push", "--knock-dir", "knock")
        if status == 0:
            return
        print("  the folder is refused as a whole; each resource is pushed by itself")
        if (self._cli.folder / "knock" / "translations").is_dir():
            await self._push_alone("translations")
        # In the order in which the CLI pushes kinds.
        names = [name for kind in MAIN_FILES for name in written if name.startswith(f"{kind}/")]
        for name in names:
            if not await self._push_alone(name):
                self._drop(name)
                del written[name]

    async def _push_alone(self, name: str) -> bool:
        """Push one resource, or the translations, and tell whether it was taken."""
        alone = self._cli.folder / "alone"
        shutil.copytree(self._cli.folder / "knock" / name, alone / name)
        status, said = await self._cli.run("push", "--knock-dir", "alone")
        shutil.rmtree(alone)
        if status:
            self._note(f"{name} is refused: {_short(said)}")
        return not status

    async def _make_models(self, written: dict[str, JsonValue]) -> None:
        """Set up a provider for every model that content names; the stand-in answers for it."""
        named = {
            str(step["settings"].get("model")).partition(":")[0]
            for document in written.values()
            for step in steps_within(document)
            if step["type"] == "ai_agent"
        }
        for name in sorted(named):
            path = f"/v1/admin/model_providers/{name}/environments/development"
            made = await self._http.put(path, json=MODELS)
            if made.is_error:
                self._note(f"model provider {name}: {made.text[:300]}")

    async def _make_variables(self, written: dict[str, JsonValue]) -> None:
        """Set every variable with which the address of a request begins."""
        for document in written.values():
            for step in steps_within(document):
                url = str((step.get("settings") or {}).get("url"))
                if found := _BEGINS_WITH_VARIABLE.match(url):
                    value = {"variable": {"value": "https://example.com"}}
                    made = await self._http.put(f"/v1/admin/variables/{found[1]}", json=value)
                    if made.is_error:
                        self._note(f"variable {found[1]}: {made.text[:300]}")

    async def _render(self, written: dict[str, JsonValue]) -> None:
        """Render every step."""
        for name, document in written.items():
            scene = {"recipient": _ADA, "data": data_for(document, self._data)}
            for step in steps_within(document) if name.startswith("workflows/") else ():
                if step["type"] != "channel" or step.get("channel_type") == "in_app_guide":
                    continue
                path = f"/v1/{name}/steps/{step['ref']}/preview_template"
                params = {"environment": "development"}
                answer = await self._http.post(path, json=scene, params=params)
                told = answer.json()
                if answer.is_error or told.get("result") != "success":
                    self._note(f"{name}, step {step['ref']}: {json.dumps(told)[:300]}")

    async def _walk(self, written: dict[str, JsonValue]) -> None:
        """Walk each workflow to its end, for somebody who has never been in one."""
        for name, document in written.items():
            if not name.startswith("workflows/"):
                continue
            key = name.partition("/")[2]
            try:
                walked = await self._walks.walk(key, document, {**_ADA, "id": f"ada-{key}"})
            except AppError as refusal:
                self._note(f"{name} does not run: {refusal.reasons}")
                continue
            counts = f"{walked.runs} runs, {walked.messages} messages, {walked.requests} requests"
            print(f"  {name}: {counts}", flush=True)
            for problem in walked.problems:
                self._note(f"{name}, {problem}"[:400])

    async def _make_static_audiences(self, written: dict[str, JsonValue]) -> None:
        """Save in production what is never promoted, and may be named by what is."""
        params = {"environment": "production", "force": "true"}
        for name, document in written.items():
            if isinstance(document, dict) and document.get("type") == "static":
                path = f"/v1/audiences/{name.partition('/')[2]}"
                made = await self._http.put(path, json={"audience": document}, params=params)
                if made.is_error:
                    self._note(f"{name}: {made.text[:300]}")

    async def _compare(self, written: dict[str, JsonValue]) -> None:
        words = ("pull", "--knock-dir", "pulled", "--environment", "production", "--force")
        await self._say("pull", await self._cli.run(*words))
        pulled = read_folder(self._cli.folder / "pulled")
        for name, document in written.items():
            # A static audience belongs to its environment, and is never promoted.
            if isinstance(document, dict) and document.get("type") == "static":
                continue
            if name not in pulled:
                self._note(f"{name} has not come back")
            for place in lost(document, pulled.get(name, {})):
                self._note(f"{name}{place}"[:400])

    async def _push_again(self) -> None:
        """What was pulled leaves nothing to commit when it is pushed again."""
        await self._say("push again", await self._cli.run("push", "--knock-dir", "pulled"))
        params = {"environment": "development"}
        changes = await self._http.get("/v1/admin/content/changes", params=params)
        for entry in changes.json()["entries"]:
            self._note(f"changed by what was pulled: {json.dumps(entry)[:400]}")

    async def _say(self, what: str, done: tuple[int | None, str]) -> None:
        status, said = done
        if status:
            self._note(f"{what}: {_short(said)}")

    def _note(self, problem: str) -> None:
        self.problems.append(problem)
        print(f"  ! {problem}", flush=True)

    def _drop(self, name: str) -> None:
        """Take a resource out of the folder, so that the others go on without it."""
        folder = self._cli.folder / "knock" / name
        folder.rename(self._cli.folder / f"dropped-{name.replace('/', '-')}")


def _channels_named(written: dict[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Yield key and type of the channels that content names, as far as it tells a type."""
    for name, document in written.items():
        if name.startswith("guides/") and isinstance(document, dict):
            yield str(document.get("channel_key")), "in_app_guide"
        for step in steps_within(document):
            if step["type"] == "channel" and isinstance(step.get("channel_key"), str):
                yield step["channel_key"], _type_of(step)


def _type_of(step: JsonObject) -> str:
    """Return the type that a step says, or that the CLI has named it after."""
    said = step.get("channel_type")
    if isinstance(said, str):
        return said
    return next((each for each in _PROVIDERS if step["ref"].startswith(each)), "")


def _short(said: str) -> str:
    return " ".join(said.split())[-600:]


async def _round_trip(
    seeded: Seeded, node: NodePackages, source: Path, data: JsonObject, answers: Answers
) -> int:
    engine = make_engine(seeded.url, TemporalRecorder())
    stand_in = StandIn(engine.settings, answers)
    engine = replace(engine, providers=stand_in)
    await engine.database.open()
    headers = {"authorization": f"Bearer {seeded.keys.service_token}"}
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with (
                serving(application(engine)) as url,
                httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as http,
            ):
                walks = RealWalks(await Account(engine, seeded.keys).world(), stand_in, data)
                cli = KnockCli(node, url, seeded.keys.service_token, Path(folder))
                trip = RoundTrip(cli, http, walks, data)
                await trip.take(source)
    finally:
        await engine.providers.close()
        await engine.database.close()
    return len(trip.problems)


def _document(path: str) -> JsonObject:
    """Read a file. Raises ArgumentTypeError: it is missing, or no JSON object."""
    try:
        document = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not isinstance(document, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return document


def main() -> int:
    """Take every folder through an account of its own; return 1 when something did not survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.compat.folder", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--data", type=json.loads, default={}, help="of triggers, as JSON")
    parser.add_argument(
        "--answers",
        type=_document,
        default={},
        metavar="FILE",
        help="what servers and models answer, as JSON: an object for each workflow, with the answer"
        " to each step by its ref; what is left out is made up",
    )
    given: Any = parser.parse_args()
    configure_logs(Settings(log_level="error"), process="folder")
    problems = 0
    with tempfile.TemporaryDirectory() as packages, running_cluster() as server:
        try:
            node = node_packages(Path(packages))
        except pytest.skip.Exception as reason:
            print(f"Knock's CLI is not to be had: {reason}")
            return 2
        for source in given.folders:
            seeded = Seeded.on(new_database(server))
            problems += asyncio.run(
                _round_trip(seeded, node, source.absolute(), given.data, given.answers)
            )
    print("everything came back as it was" if not problems else f"{problems} problems")
    return int(problems > 0)


if __name__ == "__main__":
    sys.exit(main())

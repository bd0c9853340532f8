"""Start, watch and stop every process of an embedded stack."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from commands.dev import parts, probes
from commands.dev.client import DevStack, StackPids, dev_file, write_dev_stack
from commands.dev.home import Home, open_home
from commands.dev.ports import LOOPBACK, WantedPort, choose_ports, is_free
from commands.dev.seeded import warnings_about, working_keys
from commands.embedded.errors import EmbeddedError
from commands.embedded.postgres import EmbeddedPostgres, prepare_postgres
from commands.embedded.temporal import TemporalPlace, find_temporal
from commands.processes import Child, ChildSpec, spawn
from commands.seed.keys import SeededStack, load_or_make_keys
from runtime.settings import Settings

_DATABASE = "carillon"
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on
_GHOST_SECONDS = 8.0
_STOP_ORDER = ("api", "worker", "smtp", "temporal", "postgres")


@dataclass(frozen=True, slots=True)
class _Ports:
    api: int
    smtp: int
    temporal: int = 0  # of a Temporal that somebody else runs: not ours to choose
    temporal_ui: int = 0


class Stack:
    """The processes of one embedded stack.

    Args:
        settings: ports, folder and worker count; a database or a Temporal named here is used
            instead of an embedded one.
        programs: what runs as API, worker and preparation.
        say: takes one line at a time for people.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        programs: parts.Programs | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self._settings = settings
        self._programs = programs or parts.Programs()
        self._say = say
        self._children: dict[str, Child] = {}
        self._held = ExitStack()
        self._environment: dict[str, str] = {}
        self._temporal_address = settings.temporal_address
        self._temporal_ui: str | None = None
        self._database_url = settings.database_url
        self._description: DevStack | None = None
        self._postgres: EmbeddedPostgres | None = None

    @property
    def description(self) -> DevStack:
        """Return addresses, keys and process ids of the ready stack."""
        if self._description is None:
            raise EmbeddedError("The stack is not ready.")
        return self._description

    @property
    def logs(self) -> list[Path]:
        """Return the log files of the running parts."""
        return [child.spec.log for child in self._children.values() if child.spec.log is not None]

    async def start(self) -> DevStack:
        """Start everything and return when the API answers and every worker works.

        Raises:
            EmbeddedError: a part cannot be started; what had been started is stopped.
        """
        try:
            home = self._held.enter_context(open_home(self._settings.home))
            ports = await self._choose_ports(home)
            # The addresses of all parts are fixed before any of them starts.
            if not self._is_chosen("temporal_address"):
                self._temporal_address = f"{LOOPBACK}:{ports.temporal}"
                self._temporal_ui = f"http://{LOOPBACK}:{ports.temporal_ui}"
            mail_url = self._settings.smtp_url or f"smtp://{LOOPBACK}:{ports.smtp}"
            self._environment = {
                **parts.stack_environment(self._settings, home),
                "CARILLON_API_PORT": str(ports.api),
                "CARILLON_SMTP_URL": mail_url,
                "CARILLON_TEMPORAL_ADDRESS": self._temporal_address,
            }
            await _together(
                self._start_database(home, ports),
                self._start_temporal(home, ports),
                self._start_smtp(home, ports),
            )
            numbers = range(1, self._settings.workers + 1)
            await _together(*(self._start_worker(home, number) for number in numbers))
        except BaseException:
            await self.stop()
            raise
        api_url = self._api_url(ports)
        seeded = TypeAdapter(SeededStack).validate_json(home.seeded.read_bytes())
        keys = working_keys(load_or_make_keys(home.keys), seeded)
        self._description = DevStack(
            api_url=api_url,
            docs_url=f"{api_url}/docs",
            temporal_address=self._temporal_address,
            temporal_namespace=self._settings.temporal_namespace,
            temporal_ui_url=self._temporal_ui,
            database_url=self._database_url,
            smtp_address=f"{LOOPBACK}:{ports.smtp}",
            mail_dir=str(home.mail),
            service_token=keys.service_token,
            environments=keys.environments,
            channels=seeded.channels,
            pids=self._pids(),
            warnings=warnings_about(seeded),
        )
        write_dev_stack(home.root, self._description)
        return self._description

    async def stop(self) -> None:
        """Stop everything in order: who takes in work first, who keeps data last."""
        for group in _STOP_ORDER:
            names = [name for name in self._children if name.startswith(group)]
            await asyncio.gather(*(self._children[name].stop() for name in names))
        self._children.clear()
        if self._postgres is not None:
            self._postgres.remove_sockets()
        self._description = None
        self._held.close()

    def kill(self, name: str) -> None:
        """Kill a part with SIGKILL, as a crash would; it is started again.

        Args:
            name: `api`, `worker-1` …, `temporal`, `postgres` or `smtp`.
        """
        self._children[name].send(signal.SIGKILL)

    def kill_all(self) -> None:
        """Kill every part at once, without order, for someone who will not wait."""
        for child in self._children.values():
            child.kill()

    async def _choose_ports(self, home: Home) -> _Ports:
        settings = self._settings
        embeds_temporal = not self._is_chosen("temporal_address")
        wanted = [
            WantedPort("CARILLON_API_PORT", settings.api_port, settings.api_host),
            WantedPort("CARILLON_SMTP_PORT", settings.smtp_port),
        ]
        if embeds_temporal:
            wanted.append(WantedPort("CARILLON_TEMPORAL_PORT", settings.temporal_port))
            wanted.append(WantedPort("CARILLON_TEMPORAL_UI_PORT", settings.temporal_ui_port))
        if dev_file(home.root).exists():
            # Left by a killed supervisor, whose children need a moment to be gone from their ports.
            dev_file(home.root).unlink()
            deadline = asyncio.get_running_loop().time() + _GHOST_SECONDS
            while asyncio.get_running_loop().time() < deadline:
                if all(is_free(one.port) for one in wanted if one.port):
                    break
                await asyncio.sleep(0.1)
        return _Ports(*choose_ports(*wanted))

    def _is_chosen(self, name: str) -> bool:
        return name in self._settings.model_fields_set and bool(getattr(self._settings, name))

    async def _start_database(self, home: Home, ports: _Ports) -> None:
        if not self._is_chosen("database_url"):
            server = await asyncio.to_thread(prepare_postgres, home.postgres)
            self._postgres = server
            # A killed supervisor may have left its server behind: wait, and stop it if it stays.
            deadline = asyncio.get_running_loop().time() + _GHOST_SECONDS
            while (pid := server.running_pid()) is not None:
                # Only one that answers on our socket is ours for certain: ids are used again.
                if asyncio.get_running_loop().time() > deadline:
                    if not server.is_ready():
                        break
                    os.kill(pid, signal.SIGINT)
                    deadline += _GHOST_SECONDS
                await asyncio.sleep(0.1)
            child = await self._start(parts.postgres_spec(server, home))
            await probes.wait_until(partial(asyncio.to_thread, server.is_ready), child)
            self._database_url = await asyncio.to_thread(server.ensure_database, _DATABASE)
        self._environment["CARILLON_DATABASE_URL"] = self._database_url
        # The API does nothing of its own accord, so it may load while the tables are made.
        await _together(self._prepare(home), self._start_api(home, ports))

    async def _prepare(self, home: Home) -> None:
        """Migrate and seed, in a process of its own that ends."""
        spec = parts.prepare_spec(self._programs, self._environment, home)
        process = await spawn(spec)
        try:
            if await process.wait() != 0:
                log = home.log("prepare")
                # A command says in one line what users can put right, as we do.
                said = probes.last_line(log).removeprefix("carillon: ")
                raise EmbeddedError(
                    f"The database cannot be prepared: {said.rstrip('.')} (more in {log})."
                )
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _start_temporal(self, home: Home, ports: _Ports) -> None:
        settings = self._settings
        if self._is_chosen("temporal_address"):
            await probes.adopt_temporal(settings)
            return
        binary = await find_temporal(settings.temporal_cli, tool_cache(settings), say=self._say)
        place = TemporalPlace(
            database=home.temporal_database,
            namespace=settings.temporal_namespace,
            port=ports.temporal,
            ui_port=ports.temporal_ui,
            keywords=probes.SEARCH_ATTRIBUTES,
        )
        child = await self._start(parts.temporal_spec(binary, place, home))
        changed = settings.model_copy(update={"temporal_address": self._temporal_address})
        await probes.wait_until(probes.temporal_probe(changed), child)

    async def _start_smtp(self, home: Home, ports: _Ports) -> None:
        child = await self._start(parts.smtp_spec(ports.smtp, home))
        await probes.wait_until(probes.port_probe(LOOPBACK, ports.smtp), child)

    async def _start_api(self, home: Home, ports: _Ports) -> None:
        url = self._api_url(ports)
        alive = probes.answers(f"{url}/health")
        child = await self._start(parts.api_spec(self._programs, self._environment, home, alive))
        await probes.wait_until(probes.http_probe(f"{url}/ready"), child)

    async def _start_worker(self, home: Home, number: int) -> None:
        spec = parts.worker_spec(
            self._programs,
            self._environment,
            home,
            number=number,
            seconds=self._settings.shutdown_seconds,
        )
        child = await self._start(spec)
        await probes.wait_until(probes.file_probe(home.ready_file(spec.name)), child)

    async def _start(self, spec: ChildSpec) -> Child:
        child = Child(spec, say=self._say, on_restart=self._refresh)
        self._children[spec.name] = child
        await child.start()
        return child

    def _api_url(self, ports: _Ports) -> str:
        host = self._settings.api_host
        name = LOOPBACK if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
        return f"http://{name}:{ports.api}"

    def _pids(self) -> StackPids:
        pids = {name: child.pid for name, child in self._children.items()}
        workers = [f"worker-{number + 1}" for number in range(self._settings.workers)]
        return StackPids(
            supervisor=os.getpid(),
            api=pids.get("api"),
            workers=[pid for name in workers if (pid := pids.get(name)) is not None],
            temporal=pids.get("temporal"),
            postgres=pids.get("postgres"),
        )

    def _refresh(self) -> None:
        """Tell scripts the new process ids."""
        if self._description is not None:
            self._description = replace(self._description, pids=self._pids())
            write_dev_stack(self._settings.home.expanduser().absolute(), self._description)


def tool_cache(settings: Settings) -> Path:
    """Return the folder, outside any clone, in which downloaded tools are kept."""
    return (settings.cache or Path("~/.cache/carillon")).expanduser().absolute()


async def _together(*starts: Coroutine[None, None, None]) -> None:
    """Run several starts at once; the first failure cancels the others and is raised bare."""
    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(start)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


@asynccontextmanager
async def running_stack(
    settings: Settings,
    *,
    programs: parts.Programs | None = None,
    say: Callable[[str], None] = print,
) -> AsyncIterator[Stack]:
    """Lend a ready stack and stop it with the block."""
    stack = Stack(settings, programs=programs, say=say)
    await stack.start()
    try:
        yield stack
    finally:
        await stack.stop()

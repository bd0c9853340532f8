"""Vendors that are asked what became of messages: when, how often, and what ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.contract.deliveries import StatusCheckInput
from domain.contract.queues import DELIVER_EMAIL
from domain.deliveries.checks import MOST_CHECKS, WAITS, WITHIN_SECONDS, CheckedMessage
from domain.deliveries.reports import Callback
from domain.kit.errors import Unavailable
from domain.kit.ids import status_check_workflow_id
from models.queries.messages.deletion import delete_messages
from runtime.vault import Vault
from services.attempts import TryAgain
from services.deliveries import checks, holds
from services.deliveries.checks import begin_checks, check_status, take_up_checks
from services.deliveries.reports import callback_id, take_callback
from services.deliveries.retries import retry_message
from tests.providers.servers import HttpServer, reply, serving
from tests.support.builders import T0
from tests.support.deliveries import log_of
from tests.support.interruptions import DeafDatabase, FailingTemporal, InterruptedDatabase
from tests.support.outbox import listening
from tests.support.steps import channel_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World

FROM = {"from_address": "hello@acme.example"}
PATH = "/emails/r-1"


@dataclass(slots=True)
class Resend(HttpServer):
    """The vendor; `meanwhile` happens while it is asked, before it answers."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        # Without arguments `super` does not know a class that has slots.
        await HttpServer.handle(self, reader, writer)


class Line:
    """A channel of Resend, at a time of its own, and what Resend says."""

    def __init__(self, world: World, key: str, server: Resend) -> None:
        self.world = world
        self.key = key
        self.server = server
        self.now = T0

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def here(self, **parts: Any) -> World:
        """Return the world as it is now."""
        return self.world.with_engine(**parts).at(self.now)

    async def send(self, **parts: Any) -> UUID:
        """Make a message that Resend has taken."""
        world = self.here(**parts)
        run_id, _ = await world.send(channel_step("mail", "email", channel_key=self.key))
        (message,) = await world.messages(run_id)
        assert await world.deliver(message["id"]) == "sent"
        return UUID(str(message["id"]))

    def says(self, event: str) -> None:
        """Have Resend say what has happened last."""
        self.server.replies[PATH] = reply(200, json.dumps({"last_event": event}).encode())

    async def check(self, message_id: UUID, *, retry: int = 0, **parts: Any) -> str | float:
        """Check once; returns the end of it, or in how many seconds to look again."""
        order = StatusCheckInput(
            str(message_id), str(self.world.environment.id), retry, DELIVER_EMAIL
        )
        try:
            return await check_status(self.here(**parts).engine, order)
        except TryAgain as again:
            return again.after

    async def row(self, message_id: UUID) -> dict[str, Any] | None:
        """Return what is kept of the checks of a message."""
        rows = await self.world.make.rows(
            "SELECT * FROM status_checks WHERE message_id = %s", message_id
        )
        return rows[0] if rows else None

    async def status(self, message_id: UUID) -> str:
        """Return what a message has come to."""
        return str((await self.world.message(message_id))["delivery_status"])

    @property
    def asked(self) -> int:
        """Return how often Resend was asked."""
        return sum(seen.method == "GET" for seen in self.server.seen)


async def _channel(world: World, server: HttpServer, **secrets: Any) -> str:
    key = f"resend-{uuid4().hex[:6]}"
    given = {"api_key": "key-secret", "base_url": server.url, **secrets}
    await world.channel("email", key, provider="resend", secrets=given, channel_settings=FROM)
    return key


@pytest.fixture
async def line(world: World) -> AsyncIterator[Line]:
    """Bring a channel that asks; waits are not shortened."""
    changes = {"allow_private_egress": True, "delivery_retry_factor": 1.0}
    near = world.with_parts(settings=world.engine.settings.model_copy(update=changes))
    server = Resend({"/emails": reply(200, b'{"id": "r-1"}')})
    async with serving(server):
        key = await _channel(near, server, check_delivery_status=True)
        yield Line(near, key, server)
        await near.engine.providers.close()


def test_ten_checks_within_thirty_minutes() -> None:
    """As Knock has it; the first one soon."""
    assert (MOST_CHECKS, WITHIN_SECONDS, WAITS[0]) == (10, 1_800.0, 5.0)


async def test_a_delivery_is_found(line: Line, temporal: TemporalRecorder) -> None:
    """Asked when the first wait is over, told once, and logged; then nobody asks any more."""
    told = "message.delivered"
    async with listening(line.world.engine, line.world.environment.id, told) as listener:
        message_id = await line.send()
        slug = line.world.environment.scope.slug
        ((_, order, options),) = [
            start
            for start in temporal.starts
            if start[0] == status_check_workflow_id(slug, str(message_id), 0)
        ]
        assert options["start_delay"] == timedelta(seconds=WAITS[0])
        assert options["execution_timeout"] == timedelta(days=1)
        assert (order.message_id, order.queue) == (str(message_id), DELIVER_EMAIL)
        assert await line.check(message_id) == WAITS[0]
        assert line.asked == 0
        line.pass_time(WAITS[0])
        line.says("delivered")
        assert await line.check(message_id) == "delivered"
        assert await line.check(message_id) == "settled"
        heard = await listener.listen()
    assert heard == [told]
    assert await line.world.message_story(message_id) == ["created", "queued", "sent", "delivered"]
    assert await line.row(message_id) is None
    *_, logged = await log_of(line.world, message_id)
    assert (logged["request"]["method"], logged["request"]["path"]) == ("GET", PATH)
    assert logged["response"]["body"] == {"last_event": "delivered"}
    assert "key-secret" not in json.dumps(logged["request"])


async def test_an_answer_whose_commit_went_unheard(line: Line) -> None:
    """It is stored again, and one question is still one line of the log."""
    database = DeafDatabase(line.world.engine.database)
    message_id = await line.send()
    line.pass_time(5)
    line.says("sent")

    async def meanwhile() -> None:
        database.unheard = 1

    line.server.meanwhile = meanwhile
    assert await line.check(message_id, database=database) == WAITS[1]
    assert (database.unheard, line.asked) == (0, 1)
    assert len(await log_of(line.world, message_id)) == 2


async def test_a_failure_is_found_with_its_reason(line: Line) -> None:
    """It is told as a callback's would be, and may be sent again by hand."""
    message_id = await line.send()
    line.pass_time(5)
    line.says("bounced")
    assert await line.check(message_id) == "bounced"
    *_, last = await line.world.message_events(message_id)
    assert (last["event_type"], last["data"]) == (
        "bounced",
        {"failure_reason": "fatal_error", "failure_details": "Resend says: bounced."},
    )
    await retry_message(line.world.engine, line.world.environment.scope, message_id)
    assert await line.status(message_id) == "queued"


async def test_ten_answers_that_decide_nothing_are_enough(line: Line) -> None:
    """Each is logged; the message stays as its vendor has taken it."""
    message_id = await line.send()
    line.says("sent")
    waits = [WAITS[0]]
    while isinstance(waits[-1], float):
        line.pass_time(waits[-1])
        waits.append(await line.check(message_id))  # type: ignore[arg-type]
    assert waits == [*WAITS, "sent"]
    assert line.asked == MOST_CHECKS
    assert line.now - T0 == timedelta(seconds=WITHIN_SECONDS)
    assert len(await log_of(line.world, message_id)) == 1 + MOST_CHECKS
    assert await line.row(message_id) is None
    assert await line.check(message_id) == "settled"


@pytest.mark.parametrize("answer", [reply(404, b"{}"), reply(401, b"{}"), reply(503), b""])
async def test_a_vendor_that_does_not_say_is_asked_again(line: Line, answer: bytes) -> None:
    """It may know a message minutes later, or be away; each time counts."""
    message_id = await line.send()
    line.server.replies[PATH] = answer
    line.pass_time(5)
    assert await line.check(message_id) == WAITS[1]
    assert len(await log_of(line.world, message_id)) == 2
    line.says("delivered")
    line.pass_time(WAITS[1])
    assert await line.check(message_id) == "delivered"


async def test_a_vendors_wish_is_kept(line: Line) -> None:
    """Some let themselves be asked a few times a minute; none is waited for for hours."""
    message_id = await line.send()
    line.pass_time(5)
    line.server.replies[PATH] = reply(429, b"{}", retry_after="60")
    assert await line.check(message_id) == 60.0
    line.pass_time(60)
    line.server.replies[PATH] = reply(429, b"{}", retry_after="86400")
    assert await line.check(message_id) == 900.0


async def test_a_channel_that_does_not_ask_costs_nothing(
    line: Line, temporal: TemporalRecorder
) -> None:
    """No row, no execution."""
    line.key = await _channel(line.world, line.server)
    temporal.starts.clear()
    message_id = await line.send()
    assert await line.row(message_id) is None
    assert [start for start in temporal.starts if "/status/" in start[0]] == []
    assert await line.check(message_id) == "settled"
    assert line.asked == 0


async def test_a_callback_that_was_quicker_ends_it(line: Line) -> None:
    """Also one that comes while the vendor is being asked: what it says stands, and once."""

    async def tell(message_id: UUID, kind: str) -> int:
        event = {
            "type": kind,
            "data": {"email_id": "r-1", "tags": {"knock_message_id": str(message_id)}},
        }
        world = line.here()
        address = await callback_id(world.engine, world.environment.scope, line.key)
        return await take_callback(world.engine, address, Callback(json.dumps(event).encode(), {}))

    message_id = await line.send()
    assert await tell(message_id, "email.delivered") == 1
    line.pass_time(5)
    assert await line.check(message_id) == "settled"
    assert (line.asked, await line.row(message_id)) == (0, None)

    second = await line.send()
    line.pass_time(5)
    line.says("delivered")
    told: list[int] = []

    async def meanwhile() -> None:
        told.append(await tell(second, "email.bounced"))

    line.server.meanwhile = meanwhile
    assert await line.check(second) == "settled"
    assert (told, line.asked) == ([1], 1)
    assert await line.status(second) == "bounced"
    assert await line.world.message_story(second) == ["created", "queued", "sent", "bounced"]
    assert await line.row(second) is None


async def test_a_held_channel_asks_nobody(line: Line) -> None:
    """An operator may have a reason; no check is used up by that."""
    scope = line.world.environment.scope
    message_id = await line.send()
    await holds.hold_channel(line.here().engine, scope, line.key)
    line.says("delivered")
    for _ in range(MOST_CHECKS + 1):
        line.pass_time(300)
        wait = await line.check(message_id)
        assert isinstance(wait, float)
        assert 10 <= wait <= 300
    assert line.asked == 0
    await holds.release_channel(line.here().engine, scope, line.key)
    line.pass_time(300)
    assert await line.check(message_id) == "delivered"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE channels SET archived_at = now() WHERE id = %s",
        "DELETE FROM channel_environments WHERE channel_id = %s",
        "UPDATE channels SET provider = 'gone' WHERE id = %s",
        "UPDATE channels SET provider = 'smtp' WHERE id = %s",
    ],
)
async def test_a_channel_that_is_gone_asks_nobody(line: Line, change: str) -> None:
    """Nor one whose provider is another now, which does not know the message."""
    message_id = await line.send()
    channel_id = (await line.world.message(message_id))["channel_id"]
    await line.world.make.rows(f"{change} RETURNING 1", channel_id)
    line.pass_time(5)
    assert await line.check(message_id) == "settled"
    assert (line.asked, await line.row(message_id)) == (0, None)
    assert await line.status(message_id) == "sent"


async def test_a_message_that_is_sent_again_is_asked_for_anew(line: Line) -> None:
    """What was begun for the mail before ends."""
    message_id = await line.send()
    line.pass_time(5)
    line.says("sent")
    await line.check(message_id)
    line.pass_time(WAITS[1])
    line.says("bounced")
    assert await line.check(message_id) == "bounced"
    await retry_message(line.here().engine, line.world.environment.scope, message_id)
    assert await line.check(message_id) == "settled"
    assert await line.here().deliver(message_id, retry=1) == "sent"
    row = await line.row(message_id)
    assert row is not None
    assert (row["retry"], row["checks"]) == (1, 0)
    line.pass_time(5)
    assert await line.check(message_id) == "settled"
    line.says("delivered")
    assert await line.check(message_id, retry=1) == "delivered"


async def test_settings_that_cannot_be_read_now(line: Line) -> None:
    """A key that is missing is waited for; nothing else is done meanwhile."""
    message_id = await line.send()
    line.pass_time(5)
    line.says("delivered")
    stranger = Vault(["another-key-that-is-long-enough"])
    assert await line.check(message_id, vault=stranger) == 60.0
    row = await line.row(message_id)
    assert row is not None
    assert (row["checks"], line.asked) == (0, 0)
    line.pass_time(60)
    assert await line.check(message_id) == "delivered"


async def test_a_check_that_never_came_back_counts(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies in one makes no eleventh; the next is made when its lease is over."""
    message_id = await line.send()
    for number in range(1, MOST_CHECKS + 1):
        line.pass_time(60)
        # The database is there to begin the check, and never again for this process.
        monkeypatch.setattr(checks, "each_second", lambda _: ())
        gone = InterruptedDatabase(line.world.engine.database, works=1, away=1_000)
        with pytest.raises(Unavailable):
            await line.check(message_id, database=gone)
        row = await line.row(message_id)
        assert row is not None
        assert row["checks"] == number
        assert isinstance(await line.check(message_id), float)
    line.says("delivered")
    line.pass_time(60)
    before = line.asked
    assert await line.check(message_id) == "settled"
    assert (line.asked, await line.row(message_id)) == (before, None)


async def test_temporal_that_is_away_is_made_up_for(line: Line) -> None:
    """The message is sent all the same; the sweep starts its checks, and joins what is there."""
    temporal = FailingTemporal()
    message_id = await line.send(temporal=temporal)
    temporal.failing = False
    temporal.starts.clear()

    async def swept(now: datetime) -> list[str]:
        temporal.starts.clear()
        await take_up_checks(line.world.with_engine(temporal=temporal).at(now).engine)
        return [start[0] for start in temporal.starts if str(message_id) in start[0]]

    assert await swept(T0 + timedelta(seconds=180)) == []
    name = status_check_workflow_id(line.world.environment.scope.slug, str(message_id), 0)
    later = T0 + timedelta(seconds=190)
    assert await swept(later) == [name]
    assert await swept(later) == []
    temporal.failing = True
    assert await swept(later + timedelta(seconds=190)) == []
    temporal.failing = False
    assert await swept(later + timedelta(seconds=400)) == [name]


async def test_the_breaker_of_temporal_hears_of_temporal_alone(line: Line) -> None:
    """A database that is away, or a message that nobody asks for, says nothing of Temporal."""
    breaker = line.world.engine.temporal_breaker
    message_id = await line.send()
    message = CheckedMessage(message_id, line.world.environment.id, 0)
    breaker.succeeded()
    for _ in range(5):
        away = InterruptedDatabase(line.world.engine.database, away=1)
        await begin_checks(line.here(database=away).engine, message)
    assert not breaker.is_open
    for _ in range(5):
        breaker.failed()
    await begin_checks(line.here().engine, replace(message, message_id=uuid4()))
    assert breaker.is_open
    breaker.succeeded()


async def test_a_row_whose_message_is_gone_goes_too(line: Line) -> None:
    """A process of before knew nothing of it when it deleted the message."""
    message_id = await line.send()
    await line.world.make.rows("DELETE FROM messages WHERE id = %s RETURNING 1", message_id)
    assert await line.row(message_id) is not None
    line.pass_time(200)
    await take_up_checks(line.here().engine)
    assert await line.row(message_id) is None


async def test_a_start_that_hangs_ends(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep has other rows to look at."""

    async def hang(*_: Any) -> None:
        await asyncio.sleep(60)

    await line.send()
    line.pass_time(200)
    monkeypatch.setattr(checks, "_start", hang)
    monkeypatch.setattr(checks, "_START_SECONDS", 0.05)
    async with asyncio.timeout(20):
        assert await take_up_checks(line.here().engine) == 0


async def test_a_deleted_message_is_asked_for_no_more(line: Line) -> None:
    """Its row goes with it."""
    message_id = await line.send()
    environment_id = line.world.environment.id
    async with line.world.engine.unit() as unit:
        await delete_messages(unit.connection, environment_id, [message_id])
    assert await line.row(message_id) is None
    line.pass_time(5)
    assert await line.check(message_id) == "settled"
    assert line.asked == 0


async def test_a_vendor_that_is_slow_to_tell_keeps_nothing_back(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages are sent to the same server, whose other door is open."""
    monkeypatch.setattr(checks, "_LONGEST_CALL_SECONDS", 0.05)
    message_ids = [await line.send() for _ in range(6)]
    line.pass_time(5)
    line.server.delay = 0.5
    waits = [await line.check(message_id) for message_id in message_ids]
    assert waits[:5] == [WAITS[1]] * 5
    held = await line.row(message_ids[5])
    assert held is not None
    # Nobody is asked that has not answered five times in a row, and that is no check.
    assert held["checks"] == 0
    line.server.delay = 0.0
    await line.send()

"""One slow server takes a part of the places only; one that does not answer is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from domain.deliveries.delivery import Exchange, Retry
from services.attempts import Held, TryAgain
from services.deliveries import limits as delivery_limits
from services.deliveries.limits import DeliveryLimits
from tests.support.deliveries import log_of, make_mail
from tests.support.slow_mail import install_slow_mail
from tests.support.world import World, channel_step

UNANSWERED = Exchange("Slow", {"method": "POST"}, None)
ANSWERED = Exchange("Slow", {"method": "POST"}, {"status": 503})


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a server stalled after a moment."""
    monkeypatch.setattr(delivery_limits, "_STALLED_SECONDS", 0.02)


@pytest.fixture
def limits() -> DeliveryLimits:
    """Return limits of two places a server, and six a channel."""
    return DeliveryLimits(8)


async def call(
    limits: DeliveryLimits, server: str = "slow", *, answered: bool | None = None, age: float = 0.0
) -> None:
    """Make a delivery that ends at once, with or without an answer."""
    async with limits.admitted(server, "channel", age=age) as made:
        if answered is not None:
            (made.answered if answered else made.unanswered)()


@asynccontextmanager
async def filled(limits: DeliveryLimits, *servers: str) -> AsyncIterator[None]:
    """Keep a delivery under way at each of the servers while the block runs."""
    async with AsyncExitStack() as under_way:
        for server in servers:
            await under_way.enter_async_context(limits.admitted(server, "channel", age=0.0))
        yield


async def opened(limits: DeliveryLimits) -> None:
    """Let five calls in a row go unanswered."""
    for _ in range(5):
        await call(limits, answered=False)


async def test_server_has_a_quarter_of_the_places(limits: DeliveryLimits) -> None:
    """A delivery over the limit of a stalled server is given back; other servers are not minded."""
    async with filled(limits, "slow", "slow"):
        with pytest.raises(Held, match="limit of concurrent deliveries is reached: slow"):
            await call(limits)
        await call(limits, "quick")
    await call(limits)


async def test_large_files_are_sent_a_few_at_a_time(limits: DeliveryLimits) -> None:
    """Whoever the servers are: a worker has memory for four. Other deliveries are not minded."""
    async with AsyncExitStack() as under_way:
        for server in "abcd":
            await under_way.enter_async_context(
                limits.admitted(server, server, age=0.0, is_large=True)
            )
        with pytest.raises(Held, match="large files"):
            async with limits.admitted("e", "e", age=0.0, is_large=True):
                pytest.fail("it was let in")
        await call(limits, "e")
    async with limits.admitted("e", "e", age=0.0, is_large=True):
        pass


async def test_large_files_that_wait_keep_no_place_at_their_server(limits: DeliveryLimits) -> None:
    """A password reset to the same server is let in."""

    async def send_large() -> None:
        async with limits.admitted("mail", "channel", age=0.0, is_large=True):
            pytest.fail("it was let in")

    async with AsyncExitStack() as under_way:
        for server in "abcd":
            await under_way.enter_async_context(
                limits.admitted(server, server, age=0.0, is_large=True)
            )
        waiting = [asyncio.create_task(send_large()) for _ in range(8)]
        await asyncio.sleep(0)
        await call(limits, "mail")
        ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {Held}


async def test_channel_leaves_places_to_others(limits: DeliveryLimits) -> None:
    """All servers of one channel together do not take every place."""
    async with filled(limits, *"abcabc"):
        with pytest.raises(Held, match="the channel"):
            await call(limits, "d")
        async with limits.admitted("d", "another channel", age=0.0):
            pass
    await call(limits, "d")


async def test_busy_server_is_waited_for(limits: DeliveryLimits) -> None:
    """A server that keeps up is waited for: giving back costs more."""
    waiting: list[asyncio.Task[None]] = []
    async with filled(limits, "slow", "slow"):
        waiting += [asyncio.create_task(call(limits)) for _ in range(20)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [None] * 20


async def test_breaker_opens_and_a_probe_closes_it(
    limits: DeliveryLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five calls without an answer nothing is sent but a probe; its answer ends that."""
    await opened(limits)
    with pytest.raises(Held, match="slow does not answer") as held:
        await call(limits)
    assert 1.0 <= held.value.after <= 15.0
    await call(limits, "quick")
    later = asyncio.get_running_loop().time() + 11
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: later)
    async with limits.admitted("slow", "channel", age=0.0) as probe:
        with pytest.raises(Held):
            await call(limits)
        probe.answered()
    await call(limits)


async def test_probe_without_an_answer_keeps_it_open(
    limits: DeliveryLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that is not answered makes the next one come later."""
    await opened(limits)
    loop, now = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    monkeypatch.setattr(loop, "time", lambda: now + 11)
    await call(limits, answered=False)
    monkeypatch.setattr(loop, "time", lambda: now + 11 + 15)
    with pytest.raises(Held):
        await call(limits)
    monkeypatch.setattr(loop, "time", lambda: now + 11 + 21)
    await call(limits, answered=True)
    await call(limits)


async def test_any_answer_starts_the_count_anew(limits: DeliveryLimits) -> None:
    """Refusals are answers: a server that speaks is not left alone, so calls must not raise."""
    for _ in range(4):
        await call(limits, answered=False)
        await call(limits, answered=True)
        await call(limits, answered=False)


async def test_nothing_is_held_for_ever(limits: DeliveryLimits) -> None:
    """What has waited for half an hour takes its turn, few at a time, and may end."""
    await opened(limits)
    await call(limits, age=1_800.0)
    async with limits.admitted("slow", "channel", age=1_800.0):
        with pytest.raises(Held):
            await call(limits, age=1_800.0)


async def test_hosts_that_templates_make_up(limits: DeliveryLimits) -> None:
    """Limits of servers that nobody talks to are forgotten; open breakers are not."""
    await opened(limits)
    for number in range(1_200):
        await call(limits, f"host-{number}", answered=True)
    assert len(limits._breakers) < 1_100
    with pytest.raises(Held):
        await call(limits)


async def test_held_message_uses_up_nothing(world: World) -> None:
    """A message that is held back keeps its attempts, waits its time, and says why."""
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    limits = world.engine.delivery_limits
    for _ in range(5):
        await call(limits, "slow-mail", answered=False)
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    row = await world.delivery(message_id)
    assert row is not None
    assert (row["attempts"], row["interruptions"], row["lease_owner"]) == (0, 0, None)
    assert row["held_for"] == "slow-mail does not answer"
    assert (provider.seen, await log_of(world, message_id)) == ([], [])
    assert await world.message_story(message_id) == ["created", "queued"]


@pytest.mark.parametrize(("exchange", "held"), [(UNANSWERED, True), (ANSWERED, False)])
async def test_only_silence_opens_the_breaker(world: World, exchange: Exchange, held: bool) -> None:
    """Time-outs and failed connections count; a provider that refuses is at least there."""
    message_id = await make_mail(world)
    install_slow_mail(world, *(Retry("no", exchange) for _ in range(6))).answer.set()
    for _ in range(6):
        with pytest.raises(TryAgain):
            await world.deliver(message_id)
        await world.change_delivery(message_id, "due_at = now()")
    row = await world.delivery(message_id)
    assert row is not None
    assert (row["held_for"] is not None) == held


class Endpoint:
    """A customer's endpoint that takes requests, and answers when it is let."""

    def __init__(self) -> None:
        self.calls = 0
        self.answer = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        await reader.readuntil(b"\r\n\r\n")
        self.calls += 1
        await self.answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()


async def test_hanging_endpoint_delays_nobody(world: World) -> None:
    """Of 120 webhooks to an endpoint that hangs a few wait there; a quick one is delivered."""
    hanging, quick = Endpoint(), Endpoint()
    quick.answer.set()
    async with AsyncExitStack() as servers:
        urls = []
        for endpoint in (hanging, quick):
            server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
            servers.callback(server.close)
            urls.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
        world = world.with_parts(settings=settings)
        await world.channel("http")
        template = {"method": "post", "url": "{{ data.url }}", "body": "{}"}
        await world.publish("hook", channel_step("hook", "http", template=template))
        people = [{"id": f"u{number}"} for number in range(120)]
        await world.trigger("hook", *people, data={"url": urls[0]})
        await world.trigger("hook", "u0", data={"url": urls[1]})
        for run in await world.runs():
            await world.walk(run["id"])
        rows = await world.make.rows(
            "SELECT id, content ->> 'url' AS url FROM messages WHERE environment_id = %s",
            world.environment.id,
        )
        slow = [
            asyncio.create_task(world.deliver(row["id"])) for row in rows if row["url"] == urls[0]
        ]
        (prompt,) = (row["id"] for row in rows if row["url"] == urls[1])
        assert await world.deliver(prompt) == "delivered"
        _, under_way = await asyncio.wait(slow, timeout=0.5)
        while len(under_way) > 12:
            _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        assert hanging.calls <= 12
        hanging.answer.set()
        await asyncio.gather(*slow, return_exceptions=True)
    assert len(slow) == 120

"""Rate limits: tiers, their scopes, and what a client is told."""

from __future__ import annotations

import httpx
import pytest

from api.kit.rate_limits import RateLimiter
from api.main import create_app
from domain.kit.errors import RateLimited
from runtime.settings import Settings
from services.engine import Engine
from tests.support.builders import Builder, Environment


class _Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _limiter(clock: _Clock, **changes: object) -> RateLimiter:
    return RateLimiter(Settings().model_copy(update={"rate_limits": True, **changes}), clock)


def test_a_bucket_holds_one_second() -> None:
    """Five requests a second pass; the sixth has to wait; a fifth of a second frees one."""
    clock = _Clock()
    limiter = _limiter(clock)
    for _ in range(5):
        limiter.check("k", 2)
    with pytest.raises(RateLimited) as caught:
        limiter.check("k", 2)
    assert caught.value.retry_after == 1
    limiter.check("other", 2)
    clock.now += 0.2
    limiter.check("k", 2)
    with pytest.raises(RateLimited):
        limiter.check("k", 2)


def test_limits_can_be_off() -> None:
    """With limits off nothing is refused and every entity may be updated."""
    limiter = _limiter(_Clock(), rate_limits=False)
    for _ in range(100):
        limiter.check("k", 1)
    assert limiter.first_this_second("s", ["a"]) == limiter.first_this_second("s", ["a"]) == {"a"}


def test_an_entity_is_free_again_after_a_second() -> None:
    """The second update within a second is held back, one a second later is not."""
    clock = _Clock()
    limiter = _limiter(clock)
    assert limiter.first_this_second("s", ["a", "b"]) == {"a", "b"}
    assert limiter.first_this_second("s", ["a", "c"]) == {"c"}
    assert limiter.first_this_second("t", ["a"]) == {"a"}
    clock.now += 1
    assert limiter.first_this_second("s", ["a"]) == {"a"}


def test_memory_is_bounded() -> None:
    """However many keys there are, old buckets are forgotten."""
    limiter = _limiter(_Clock())
    for number in range(50_000):
        limiter.check(number, 5)
    assert len(limiter._buckets) <= 20_001


def test_what_is_busy_is_not_forgotten() -> None:
    """However many others come by: an empty bucket that is asked again and again stays empty."""
    limiter = _limiter(_Clock())
    limiter.check("busy", 1)
    for number in range(50_000):
        limiter.check(number, 5)
        if number % 5_000 == 0:
            with pytest.raises(RateLimited):
                limiter.check("busy", 1)


def test_an_entity_that_is_changed_again_is_not_forgotten() -> None:
    """It is held back for a second from its last change, however long it is known."""
    clock = _Clock()
    limiter = _limiter(clock)
    limiter.first_this_second("s", ["busy"])
    limiter.first_this_second("s", range(15_000))
    clock.now += 1
    assert limiter.first_this_second("s", ["busy"]) == {"busy"}
    limiter.first_this_second("s", range(15_000, 22_000))
    limiter.first_this_second("s", range(22_000, 23_000))
    assert limiter.first_this_second("s", ["busy"]) == set()


async def test_a_client_is_told_to_wait(
    engine: Engine, make: Builder, environment: Environment
) -> None:
    """Over the limit the answer is a 429 with Retry-After; others are not affected."""
    settings = engine.settings.model_copy(update={"rate_limits": True})
    channel = await make.channel()
    other = await make.environment()
    app = create_app(settings, engine)
    app.state.rate_limiter = RateLimiter(settings, _Clock())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def status(user_id: str, owner: Environment) -> httpx.Response:
            headers = {"authorization": f"Bearer {owner.secret_key}"}
            return await client.get(f"/v1/users/{user_id}/feeds/{channel}", headers=headers)

        answers = [await status("ellie", environment) for _ in range(7)]
        assert (await status("ann", environment)).status_code == 200
        assert (await status("ellie", other)).status_code == 200
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].json()["code"] == "rate_limit_exceeded"

"""What Knock's official Python SDK does by itself: every parameter, pages, raw answers, retries.

The clients validate strictly: an answer that lacks a member their types require is a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import knockapi
import pytest
from knockapi import AsyncKnock, DefaultAsyncHttpxClient, Knock, NotFoundError
from psycopg.types.json import Jsonb

from api.main import create_app
from services.engine import Engine
from tests.support.builders import T0, Builder, Environment
from tests.support.server import serving

# More than two pages of the largest size.
MANY = 105
BOUNDS = {"gt": "2020-01-01T00:00:00Z", "gte": "2020-01-01T00:00:00+00:00"}
UNTIL = {"lt": "2040-01-01T00:00:00Z", "lte": "2040-01-01T00:00:00.000001Z"}


class _LosesTheFirstAnswer(httpx.AsyncHTTPTransport):
    """A network that breaks after the server has done its work."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on; the first answer never arrives."""
        self.keys.append(request.headers["idempotency-key"])
        response = await super().handle_async_request(request)
        if len(self.keys) == 1:
            await response.aread()
            raise httpx.ReadError("connection reset", request=request)
        return response


@pytest.fixture
async def limited(engine: Engine) -> AsyncIterator[str]:
    """Serve the product with rate limits on."""
    settings = engine.settings.model_copy(update={"rate_limits": True})
    async with serving(create_app(settings, engine)) as found:
        yield found


async def test_every_parameter_of_a_trigger(
    knock: AsyncKnock, make: Builder, environment: Environment
) -> None:
    """Recipients of every form, inline members, settings and options are all understood."""
    await make.workflow(environment, "welcome")
    channel = str(await make.channel("push"))
    run = await knock.workflows.trigger(
        "welcome",
        recipients=[
            "ellie",
            {"id": "alan", "name": "Alan", "channel_data": {channel: {"tokens": ["t"]}}},
            {"id": "p1", "collection": "projects", "name": "Project"},
            {"id": "ian", "$trigger_data": {"n": 2}},  # type: ignore[list-item]
        ],
        actor={"id": "p1", "collection": "projects"},
        cancellation_key="c1",
        data={"n": 1, "deep": {"list": [1, None, 2.5, True]}},
        settings={"sandbox_mode": True, "skip_delay": True},
        tenant={"id": "acme", "name": "Acme", "settings": {"branding": {"primary_color": "#fff"}}},
    )
    runs = await knock.workflow_recipient_runs.list(workflow="welcome", tenant="acme")
    assert {found.workflow_run_id for found in runs.items} == {run.workflow_run_id}
    assert len(runs.items) == 3  # nobody ever identified ellie
    assert (await knock.users.get("alan")).name == "Alan"
    assert (await knock.tenants.get("acme")).name == "Acme"


async def test_every_parameter_of_message_lists(
    knock: AsyncKnock, make: Builder, environment: Environment
) -> None:
    """All filters of messages hold at the same time, in the SDK's own encodings."""
    channel = await make.channel()
    run_id = await make.run(environment)
    trigger_id = (await knock.workflow_recipient_runs.get(run_id)).workflow_run_id
    wanted: dict[str, Any] = {
        "workflow_run_id": trigger_id,
        "tenant_id": "acme",
        "seen_at": T0,
        "data": {"n": 1, "flag": True},
        "categories": ["a", "b"],
        "recipient_run_id": run_id,
    }
    found = await make.message(environment, channel, **wanted)
    await make.message(environment, channel, **{**wanted, "data": {"n": 2}})
    filters: dict[str, Any] = {
        "channel_id": str(channel),
        "engagement_status": ["seen", "unread"],
        "inserted_at": {**BOUNDS, **UNTIL},
        "page_size": 50,
        "source": "welcome",
        "status": ["delivered", "sent"],
        "tenant": "acme",
        "trigger_data": '{"n": 1, "flag": true}',
        "workflow_categories": ["b", "c"],
        "workflow_recipient_run_id": run_id,
    }
    for listed in (
        await knock.messages.list(**filters),
        await knock.users.list_messages("ellie", **filters),
    ):
        assert [message.id for message in listed.items] == [found]
    with_run = await knock.messages.list(workflow_run_id=trigger_id, message_ids=[found])
    assert [message.id for message in with_run.items] == [found]


async def test_every_parameter_of_feeds(
    knock: AsyncKnock, make: Builder, environment: Environment
) -> None:
    """All filters of a feed hold at the same time; what is excluded is left out."""
    channel = await make.channel()
    await make.user(environment, "ellie")
    item = await make.message(
        environment, channel, tenant_id="acme", data={"n": 1}, categories=["a"], seen_at=T0
    )
    page = await knock.users.feeds.list_items(
        "ellie",
        str(channel),
        archived="include",
        exclude="entries.link_clicked_at,entries.tenant",
        has_tenant=True,
        inserted_at={**BOUNDS, **UNTIL},  # type: ignore[arg-type]
        locale="en-GB",
        mode="rich",
        page_size=10,
        source="welcome",
        status="seen",
        tenant="acme",
        trigger_data='{"n": 1}',
        workflow_categories=["a"],
    )
    assert [entry.id for entry in page.entries] == [item]
    assert "tenant" not in page.entries[0].to_dict()


async def test_every_parameter_of_recipient_runs(
    knock: AsyncKnock, make: Builder, environment: Environment
) -> None:
    """A user and an object are named differently; instants come as Python datetimes."""
    run_id = await make.run(environment, tenant_id="acme", status="paused")
    of_object = await make.run(environment, collection="projects", recipient_id="p1")
    listed = await knock.workflow_recipient_runs.list(
        recipient="ellie",
        workflow="welcome",
        status=["paused", "queued"],
        tenant="acme",
        has_errors=False,
        starting_at=datetime(2020, 1, 1, tzinfo=UTC),
        ending_at=datetime(2040, 1, 1, tzinfo=UTC),
        page_size=5,
    )
    assert [run.id for run in listed.items] == [run_id]
    recipient = {"id": "p1", "collection": "projects"}
    listed = await knock.workflow_recipient_runs.list(recipient=recipient)  # type: ignore[arg-type]
    assert [run.id for run in listed.items] == [of_object]


async def test_tenants_with_preferences(knock: AsyncKnock) -> None:
    """A tenant's preference set fits the type of the client, which requires an id."""
    written = await knock.tenants.set(
        "acme",
        name="Acme",
        resolve_full_preference_settings=True,
        settings={
            "branding": {"primary_color": "#fff", "logo_url": None},
            "preference_set": {"workflows": {"welcome": False}, "channel_types": {"email": True}},
        },
    )
    assert written.settings is not None
    assert written.settings.preference_set is not None
    assert written.settings.preference_set.id == "default"
    listed = await knock.tenants.list(tenant_id="acme", name="Acme", page_size=1)
    assert [tenant.id for tenant in listed.entries] == ["acme"]


async def test_pages_follow_each_other(
    knock: AsyncKnock, address: str, make: Builder, environment: Environment
) -> None:
    """Auto-pagination gives every row once, also where many share one instant."""
    channel = await make.channel()
    ids = {await make.message(environment, channel, minute=i % 3) for i in range(MANY)}
    for number in range(MANY):
        await make.user(environment, f"user-{number}")
    messages = [found.id async for found in await knock.messages.list()]
    items = [found.id async for found in await knock.users.feeds.list_items("ellie", str(channel))]
    assert len(messages) == len(items) == MANY
    assert set(messages) == set(items) == ids

    def list_users() -> list[str]:
        with Knock(
            api_key=environment.secret_key, base_url=address, _strict_response_validation=True
        ) as client:
            return [user.id for user in client.users.list(order="desc")]

    users = await asyncio.to_thread(list_users)
    assert users == [f"user-{number}" for number in range(MANY)][::-1]


async def test_pages_while_rows_are_inserted(
    knock: AsyncKnock, make: Builder, environment: Environment
) -> None:
    """Rows that appear between two pages neither hide nor repeat others."""
    channel = await make.channel()
    before = [await make.message(environment, channel, minute=i) for i in range(12)]
    seen: list[str] = []
    async for message in await knock.messages.list(page_size=2):
        seen.append(message.id)
        await make.message(environment, channel, minute=100 + len(seen))
    assert seen == before[::-1]


async def test_raw_answers_show_ids_and_replays(
    knock: AsyncKnock, make: Builder, environment: Environment
) -> None:
    """`with_raw_response` shows the request's id; a replay names the request it repeats."""
    await make.workflow(environment, "welcome")
    trigger = knock.workflows.with_raw_response.trigger
    key = {"Idempotency-Key": "mine"}
    first = await trigger("welcome", recipients=["ellie"], extra_headers=key)
    again = await trigger("welcome", recipients=["ellie"], extra_headers=key)
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-x-request-id"] == first.headers["x-request-id"]
    assert (await first.parse()).workflow_run_id == (await again.parse()).workflow_run_id


async def test_a_retry_after_a_lost_answer_does_not_trigger_twice(
    knock: AsyncKnock, address: str, make: Builder, environment: Environment
) -> None:
    """The SDK repeats a request that got no answer under the same key: one trigger results."""
    await make.workflow(environment, "welcome")
    await make.user(environment, "ellie")
    network = _LosesTheFirstAnswer()
    async with AsyncKnock(
        api_key=environment.secret_key,
        base_url=address,
        http_client=DefaultAsyncHttpxClient(transport=network),
    ) as client:
        run = await client.workflows.trigger("welcome", recipients=["ellie"])
    runs = [found async for found in await knock.workflow_recipient_runs.list()]
    assert len(network.keys) == 2
    assert len(set(network.keys)) == 1
    assert [found.workflow_run_id for found in runs] == [run.workflow_run_id]


async def test_the_sdk_waits_out_a_rate_limit(
    limited: str, make: Builder, environment: Environment
) -> None:
    """Over the limit the answer says how long to wait; the SDK does, and then gets through."""
    channel = str(await make.channel())
    async with AsyncKnock(api_key=environment.secret_key, base_url=limited) as client:
        feeds = client.users.feeds
        hasty = client.with_options(max_retries=0).users.feeds.with_raw_response
        answers = await asyncio.gather(
            *(hasty.list_items("ellie", channel) for _ in range(20)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, knockapi.RateLimitError)]
        assert 0 < len(refused) < len(answers)
        assert refused[0].response.headers["retry-after"] == "1"
        assert (await feeds.list_items("ellie", channel)).entries == []


async def test_keys_open_their_own_environment_only(
    knock: AsyncKnock, address: str, make: Builder, environment: Environment
) -> None:
    """What one environment holds does not exist for the keys of another."""
    other = await make.environment()
    channel: UUID = await make.channel()
    message_id = await make.message(environment, channel)
    await make.user(environment, "ellie")
    async with AsyncKnock(api_key=other.secret_key, base_url=address) as stranger:
        assert (await stranger.messages.list()).items == []
        assert (await stranger.users.list()).entries == []
        assert await stranger.messages.batch.archive(message_ids=[message_id]) == []
        for call in (
            stranger.messages.mark_as_read(message_id),
            stranger.messages.get_content(message_id),
            stranger.users.get("ellie"),
            stranger.users.delete("ellie"),
        ):
            with pytest.raises(knockapi.NotFoundError):
                await call
    assert (await knock.messages.get(message_id)).archived_at is None
    assert (await knock.users.get("ellie")).id == "ellie"


async def test_channel_data(knock: AsyncKnock, make: Builder, environment: Environment) -> None:
    """Is set, read and unset by the client's methods, of users and of objects."""
    channel = str(await make.channel("push", provider="push_fcm"))
    await make.insert(
        "channel_environments",
        channel_id=channel,
        environment_id=environment.id,
        id=uuid4(),
        is_sandbox=False,
        channel_settings=Jsonb({}),
        provider_settings=b"",
        inserted_at=T0,
        updated_at=T0,
    )
    set_data = await knock.users.set_channel_data(
        channel_id=channel, user_id="ellie", data={"tokens": ["a"]}
    )
    assert set_data.provider == "push_fcm"
    assert await knock.users.get_channel_data(channel_id=channel, user_id="ellie") == set_data
    await knock.users.unset_channel_data(channel_id=channel, user_id="ellie")
    with pytest.raises(NotFoundError):
        await knock.users.get_channel_data(channel_id=channel, user_id="ellie")
    place: Any = {"collection": "teams", "object_id": "red", "channel_id": channel}
    stored = await knock.objects.set_channel_data(**place, data={"devices": [{"token": "b"}]})
    assert await knock.objects.get_channel_data(**place) == stored
    await knock.objects.unset_channel_data(**place)

"""An event of a source is taken once, and its actions are, in order, whatever fails between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.kit.errors import InvalidParams, NotFound, Unauthenticated
from domain.kit.pages import PageRequest
from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from domain.runs.statuses import RunStatus
from domain.sources.requests import SourceIn
from domain.sources.rows import LogFilters
from domain.sources.verification import VerificationIn
from services.jobs.expired import forget_expired
from services.recipients.recipients import load_recipient
from services.sources import acting, receiving, sources
from tests.support.account import Account
from tests.support.steps import feed_step, wait_step
from tests.support.world import World, when

SOURCE = "billing"


async def put(account: Account, *mappings: dict[str, Any], **settings: Any) -> str:
    """Set a source up in development; answers its address there."""
    here = {"settings": settings, "mappings": list(mappings)}
    wanted = {"name": "Billing", "environment_settings": {"development": here}}
    view = await sources.put_source(account.engine, SOURCE, read_shape(SourceIn, wanted))
    return next(e.endpoint_id for e in view.environments if e.environment == "development")


def mapping(action: str, event: str = "paid", **parameters: Any) -> dict[str, Any]:
    """Write what is done for an event."""
    return {"event_type": event, "action_type": action, "action_parameters": parameters}


def payment(recipient_path: str) -> dict[str, Any]:
    """Write the event that a wait is for; the path finds whose it is."""
    return {
        "event_type": "integration_source",
        "event_key": "paid",
        "integration_source_key": SOURCE,
        "recipient_path": recipient_path,
    }


async def send(
    account: Account, endpoint: str, event: str = "paid", /, **body: Any
) -> receiving.Received:
    """Send an event to an address."""
    content = {"event": event, **body}
    return await receiving.receive(
        account.engine, endpoint, raw=b"{}", body=content, headers={"x-shop": "north"}
    )


async def act(
    account: Account, world: World, received: receiving.Received
) -> list[tuple[str, str]]:
    """Take the actions of an event; answers type and status of each."""
    taken = await acting.take_event(account.engine, world.environment.scope, received.event_id)
    return [(row.action_type, row.status) for row in taken]


@pytest.fixture
async def world(account: Account) -> World:
    """Look at development."""
    return await account.world("development")


async def test_actions_come_in_their_order(account: Account, world: World) -> None:
    """A trigger finds whom another action of the same event has identified before it."""
    await world.publish("welcome", feed_step("Hello {{ data.plan }}"))
    endpoint = await put(
        account,
        mapping(
            "workflows_trigger",
            key="welcome",
            recipients="body.user.id",
            data={"plan": "body.plan"},
            tenant="body.shop",
        ),
        mapping("objects_subscribe", collection="shops", id="body.shop", recipients="body.user.id"),
        mapping("objects_set", collection="shops", id="body.shop", name="headers.x-shop"),
        mapping("users_identify", id="body.user.id", properties="body.user"),
    )
    received = await send(
        account, endpoint, user={"id": "ada", "name": "Ada", "age": 36}, plan="pro", shop="s1"
    )
    assert await act(account, world, received) == [
        ("users_identify", "ok"),
        ("objects_set", "ok"),
        ("objects_subscribe", "ok"),
        ("workflows_trigger", "ok"),
    ]
    ada = await load_recipient(account.engine, world.environment.scope, RecipientRef.user("ada"))
    assert (ada.properties["name"], ada.properties["age"]) == ("Ada", 36)
    (run,) = await world.runs()
    assert (run["recipient_id"], run["tenant_id"]) == ("ada", "s1")
    (trigger,) = await world.make.rows("SELECT source, data FROM workflow_runs")
    assert trigger == {"source": {"type": "integration"}, "data": {"plan": "pro"}}


async def test_numbers_are_ids(account: Account, world: World) -> None:
    """A whole number of an event names whomever the same digits name, in every action."""
    await world.publish("receipt", feed_step())
    await world.audience("buyers")
    trigger = {"key": "receipt", "tenant": "body.shop", "cancellation_key": "body.order"}
    customer = "body.customer.id"
    endpoint = await put(
        account,
        mapping("users_identify", id=customer, name="Ada"),
        mapping("users_identify", id="body.clerk", name="Bob"),
        mapping("objects_set", collection="shops", id="body.shop"),
        mapping("objects_subscribe", collection="shops", id="body.shop", recipients=[customer]),
        mapping("audiences_add_member", key="buyers", user="body.customer", tenant="body.shop"),
        mapping("workflows_trigger", recipients=customer, actor="body.clerk", **trigger),
        mapping(
            "workflows_trigger", recipients=[{"id": customer}, {"id": "body.clerk"}], **trigger
        ),
        mapping("objects_unsubscribe", "left", collection="shops", id=5, recipients=customer),
        mapping(
            "workflows_cancel",
            "left",
            key="receipt",
            cancellation_key="body.order",
            recipients=customer,
        ),
    )
    body = {"customer": {"id": 820982911946154508}, "shop": 5, "clerk": 9, "order": 77}
    received = await send(account, endpoint, **body)
    taken = await acting.take_event(account.engine, world.environment.scope, received.event_id)
    assert [(row.action_type, row.result) for row in taken if row.status != "ok"] == []
    ada = "820982911946154508"
    assert await world.members("buyers") == [(ada, "5")]
    assert sorted((run["recipient_id"], run["tenant_id"]) for run in await world.runs()) == [
        (ada, "5"), (ada, "5"), ("9", "5"),
    ]  # fmt: skip
    assert await act(account, world, await send(account, endpoint, "left", **body)) == [
        ("objects_unsubscribe", "ok"),
        ("workflows_cancel", "ok"),
    ]
    cancelled = {run["recipient_id"]: run["status"] for run in await world.runs()}
    assert cancelled == {ada: RunStatus.CANCELLED, "9": RunStatus.QUEUED}


async def test_actions_are_taken_once(account: Account, world: World) -> None:
    """However often, and by how many at once, an event is worked on: there is one trigger."""
    await world.publish("welcome", feed_step())
    endpoint = await put(
        account, mapping("workflows_trigger", key="welcome", recipients=[{"id": "body.user"}])
    )
    received = await send(account, endpoint, user="ada")
    await asyncio.gather(*(act(account, world, received) for _ in range(4)))
    assert await act(account, world, received) == [("workflows_trigger", "ok")]
    assert len(await world.runs()) == 1


async def test_a_refused_action_is_told(account: Account, world: World) -> None:
    """What is refused is noted with its reason and leaves nothing behind; the rest goes on."""
    endpoint = await put(
        account,
        mapping("users_identify", id="body.nobody"),
        mapping("users_delete", id="body.user"),
        mapping("workflows_trigger", key="nowhere", recipients=[{"id": "new"}]),
        mapping("workflows_cancel", key="nowhere", cancellation_key="body.user"),
        {**mapping("tenants_set", id="t"), "conditions": when("event.body.n", "equal_to", "2")},
    )
    received = await send(account, endpoint, user="ada", n=1)
    assert await act(account, world, received) == [
        ("users_identify", "error"),
        ("users_delete", "ok"),
        ("tenants_set", "skipped"),
        ("workflows_trigger", "error"),
        ("workflows_cancel", "error"),
    ]
    logs = await sources.list_logs(
        account.engine,
        world.environment.scope,
        SOURCE,
        LogFilters(include=["actions"]),
        PageRequest(size=10),
    )
    actions = logs.rows[0].actions or []
    assert [each.result and each.result.get("code") for each in actions] == [
        "invalid_params", None, None, "workflow_missing", "workflow_missing",
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await load_recipient(account.engine, world.environment.scope, RecipientRef.user("new"))


async def test_audiences(account: Account, world: World) -> None:
    """An event lets a user enter an audience once, with what follows, and another one leave it."""
    await world.audience("buyers")
    trigger = {"audience_trigger": {"audience_key": "buyers"}}
    await world.publish("welcome", feed_step(), **trigger)
    member = {"key": "buyers", "user": "body.user", "tenant": "body.shop"}
    endpoint = await put(
        account,
        mapping("audiences_add_member", **member),
        mapping("audiences_add_member", "again", key="buyers", user_id="body.user.id"),
        mapping("audiences_remove_member", "refunded", **member),
    )
    ada = {"id": 7, "name": "Ada"}
    for _ in range(2):
        received = await send(account, endpoint, user=ada, shop="s1")
        assert await act(account, world, received) == [("audiences_add_member", "ok")]
    await act(account, world, await send(account, endpoint, "again", user=ada))
    assert await world.members("buyers") == [("7", ""), ("7", "s1")]
    stored = await load_recipient(account.engine, world.environment.scope, RecipientRef.user("7"))
    assert stored.properties["name"] == "Ada"
    runs = await world.runs()
    assert sorted(run["tenant_id"] or "" for run in runs) == ["", "s1"]
    await act(account, world, await send(account, endpoint, "refunded", user=7, shop="s1"))
    assert await world.members("buyers") == [("7", "")]


async def test_an_audience_that_follows_its_conditions(account: Account, world: World) -> None:
    """Whom an event identifies enters a dynamic audience; by hand nobody does, nor one unknown."""
    await world.audience("pros", [{"property": "plan", "operator": "equal_to", "argument": "pro"}])
    endpoint = await put(
        account,
        mapping("users_identify", id="body.user", plan="body.plan"),
        mapping("audiences_add_member", key="pros", user="body.user"),
        mapping("audiences_remove_member", key="nowhere", user="body.user"),
        mapping("audiences_remove_member", key="pros", user="body.nobody"),
    )
    received = await send(account, endpoint, user="ada", plan="pro")
    rows = await acting.take_event(account.engine, world.environment.scope, received.event_id)
    assert [row.result and row.result["code"] for row in rows] == [
        None, "audience_not_static", "resource_missing", "invalid_params",
    ]  # fmt: skip
    assert await world.members("pros") == [("ada", "")]


async def test_cancel(account: Account, world: World) -> None:
    """An event may cancel what another one has triggered."""
    delay = {"type": "delay", "ref": "d", "settings": {"delay_for": {"unit": "days", "value": 1}}}
    await world.publish("cart", delay, feed_step())
    endpoint = await put(
        account,
        mapping("workflows_cancel", "bought", key="cart", cancellation_key="body.cart"),
    )
    await world.trigger("cart", cancellation_key="c1")
    await act(account, world, await send(account, endpoint, "bought", cart="c1"))
    assert [run["status"] for run in await world.runs()] == [RunStatus.CANCELLED]


async def test_a_cancel_for_nobody_known(account: Account, world: World) -> None:
    """One that is for those whom the event names reaches nobody when it names none."""
    delay = {"type": "delay", "ref": "d", "settings": {"delay_for": {"unit": "days", "value": 1}}}
    await world.publish("cart", delay, feed_step())
    parameters = {"key": "cart", "cancellation_key": "body.cart", "recipients": "body.user"}
    endpoint = await put(account, mapping("workflows_cancel", "bought", **parameters))
    await world.trigger("cart", {"id": "ada"}, {"id": "bob"}, cancellation_key="c1")
    for user in ({}, {"user": None}):
        received = await send(account, endpoint, "bought", cart="c1", **user)
        rows = await acting.take_event(account.engine, world.environment.scope, received.event_id)
        errors = [row.result and row.result["errors"][0]["field"] for row in rows]
        assert errors == ["recipients"]
    assert {run["status"] for run in await world.runs()} == {RunStatus.QUEUED}
    await act(account, world, await send(account, endpoint, "bought", cart="c1", user="ada"))
    assert {run["recipient_id"]: run["status"] for run in await world.runs()} == {
        "ada": RunStatus.CANCELLED,
        "bob": RunStatus.QUEUED,
    }


async def test_leaving_for_no_tenant_known(account: Account, world: World) -> None:
    """Who is to leave an audience for the tenant of an event stays in it for none."""
    await world.audience("buyers")
    member = {"key": "buyers", "user": "body.user"}
    endpoint = await put(
        account,
        mapping("audiences_add_member", "joined", **member),
        mapping("audiences_remove_member", "left", **member, tenant="body.shop"),
    )
    await act(account, world, await send(account, endpoint, "joined", user={"id": "ada"}))
    received = await send(account, endpoint, "left", user="ada")
    assert await act(account, world, received) == [("audiences_remove_member", "error")]
    assert await world.members("buyers") == [("ada", "")]


async def test_an_idempotency_key(account: Account, world: World) -> None:
    """An event with the key of one of the last day is the same event; later it is another."""
    endpoint = await put(account, idempotency_key_path="body.id")
    first = await send(account, endpoint, id="e1")
    again = await send(account, endpoint, id="e1")
    assert (again.event_id, again.is_new) == (first.event_id, False)
    assert (await send(account, endpoint, id="e2")).is_new
    assert (await send(account, endpoint)).is_new
    await world.make.rows(
        "UPDATE source_event_keys SET inserted_at = inserted_at - interval '1 day' RETURNING 1"
    )
    assert (await send(account, endpoint, id="e1")).is_new


@pytest.mark.parametrize("key", ["", "x" * 256, {"n": 1}, ["e1"], True])
async def test_what_is_no_idempotency_key_makes_no_event_the_same(
    account: Account, key: Any
) -> None:
    """It is dropped, and the event is taken each time (Knock docs: "Key validation")."""
    endpoint = await put(account, idempotency_key_path="body.id")
    received = [await send(account, endpoint, id=key) for _ in range(2)]
    assert [one.is_new for one in received] == [True, True]


async def test_a_number_is_an_idempotency_key(account: Account) -> None:
    """By its digits, as vendors number their events."""
    endpoint = await put(account, idempotency_key_path="body.id")
    assert (await send(account, endpoint, id=7)).is_new
    assert not (await send(account, endpoint, id=7)).is_new
    assert not (await send(account, endpoint, id="7")).is_new


async def test_twenty_of_one_key_at_once(account: Account) -> None:
    """Of events with one key that come at once one is taken."""
    endpoint = await put(account, idempotency_key_path="body.id")
    taken = await asyncio.gather(*(send(account, endpoint, id="e1") for _ in range(20)))
    assert sum(each.is_new for each in taken) == 1
    assert len({each.event_id for each in taken}) == 1


@pytest.mark.parametrize("name", [None, "", 7, {}, "x" * 256])
async def test_an_event_without_a_name(account: Account, name: Any) -> None:
    """An event that cannot be told from others is refused, with the place of its name."""
    endpoint = await put(account, event_type_path="body.kind")
    with pytest.raises(InvalidParams) as refused:
        await send(account, endpoint, kind=name)
    assert refused.value.errors[0].field == "body.kind"


async def test_a_signature_is_enforced(account: Account, world: World) -> None:
    """What is not signed is refused where it has to be, also before a secret was set."""
    endpoint = await put(account, enforce_verification=True)
    with pytest.raises(Unauthenticated):
        await send(account, endpoint)
    wanted = VerificationIn(scheme="token", secret="north", header="X-Shop")
    await sources.put_verification(account.engine, world.environment.scope, SOURCE, wanted)
    assert (await send(account, endpoint)).is_new
    (row,) = await world.make.rows("SELECT verification_status, headers FROM source_events")
    assert row == {"verification_status": "verified", "headers": {}}
    other = VerificationIn(scheme="token", secret="south", header="X-Shop")
    await sources.put_verification(account.engine, world.environment.scope, SOURCE, other)
    with pytest.raises(Unauthenticated):
        await send(account, endpoint)


async def test_an_address_that_was_changed(account: Account, world: World) -> None:
    """The address of before leads nowhere."""
    endpoint = await put(account)
    await sources.rotate_endpoint(account.engine, world.environment.scope, SOURCE)
    with pytest.raises(NotFound):
        await send(account, endpoint)


async def test_what_nothing_follows_from(account: Account, world: World) -> None:
    """An event without mapping or wait is stored, and costs Temporal nothing."""
    await send(account, await put(account, mapping("users_delete", "other", id="body.user")))
    (row,) = await world.make.rows("SELECT processed_at FROM source_events")
    assert row["processed_at"] is not None
    assert account.engine.temporal.starts == []  # type: ignore[attr-defined]


async def test_a_run_that_waits_is_told(account: Account, world: World) -> None:
    """An event ends the wait of the recipient that it names, and of nobody else."""
    event = payment("body.user.id")
    await world.publish("remind", wait_step(event, when("event.data.total", "greater_than", "5")))
    runs = [await world.begin("remind", {"id": name}) for name in ("ada", "bob")]
    for run in runs:
        await world.walk(run)
    endpoint = await put(account)
    for total in (1, 9):
        received = await send(account, endpoint, user={"id": "ada"}, total=total)
        await act(account, world, received)
    await send(account, endpoint, total=9)
    signals = account.engine.temporal.signals  # type: ignore[attr-defined]
    assert {name.rpartition("/")[2] for name, _, _ in signals} == {runs[0]}
    assert (await world.walk(runs[0], "wait_1/resume")).status == "completed"
    assert (await world.walk(runs[1], "wait_1/resume")).next.kind == "await_event"
    told = [e["event"] for e in await world.events(runs[0])]
    assert told.count("wait_conditions_evaluated") == 2


async def test_a_run_that_waits_for_whom_a_header_names(account: Account, world: World) -> None:
    """Names of headers have no case, in the path of a wait as in the conditions of a mapping."""
    event = payment("headers.X-Shop")
    await world.publish("remind", wait_step(event))
    run = await world.begin("remind", {"id": "north"})
    await world.walk(run)
    tenant = mapping("tenants_set", id="t")
    endpoint = await put(
        account,
        {**tenant, "conditions": when("event.headers.X-Shop", "equal_to", "north")},
        {**tenant, "conditions": when("event.headers.X-Shop", "equal_to", "south")},
        {**tenant, "conditions": when("event.headers.X-Shape", "exists")},
    )
    taken = await act(account, world, await send(account, endpoint))
    assert [status for _, status in taken] == ["ok", "skipped", "skipped"]
    assert (await world.walk(run, "wait_1/resume")).status == "completed"


@pytest.mark.parametrize(
    ("happened", "is_awaited"),
    [
        ("1781524805", True),
        ("1781524805200", True),
        ("2026-06-15T12:00:05.200400Z", False),
        ("1781524805199", False),
        ("1781524804", False),
    ],
)
async def test_when_an_event_says_that_it_happened(
    account: Account, world: World, happened: str, is_awaited: bool
) -> None:
    """The second, or millisecond, in which a wait has begun counts where a source tells no more."""
    began = datetime(2026, 6, 15, 12, 0, 5, 200_500, tzinfo=UTC)
    event = payment("body.user")
    await world.publish("remind", wait_step(event))
    run = await world.begin("remind", {"id": "ada"})
    await world.at(began).walk(run)
    endpoint = await put(account, timestamp_path="body.at")
    late = began + timedelta(milliseconds=300)
    soon = replace(account, engine=replace(account.engine, clock=lambda: late))
    await act(soon, world, await send(soon, endpoint, user="ada", at=happened))
    walked = await world.at(late).walk(run, "wait_1/resume")
    assert (walked.status == "completed") is is_awaited


async def test_events_are_kept_for_a_month(account: Account, world: World) -> None:
    """What a source has sent is deleted after 30 days, with its actions."""
    endpoint = await put(account, mapping("users_delete", id="body.user"))
    received = await send(account, endpoint, user="ada")
    await act(account, world, received)
    later = world.at(account.engine.clock() + timedelta(days=31))
    await forget_expired(later.engine)
    for table in ("source_events", "source_event_actions", "source_event_keys"):
        assert await world.make.rows(f"SELECT 1 FROM {table}") == []
    assert isinstance(received.event_id, UUID)

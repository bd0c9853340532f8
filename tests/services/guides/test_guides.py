"""Who sees which guide, what it says, and what becomes of it when something is done with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.content.kind import KindOfContent
from domain.content.message_type import MESSAGE_TYPE
from domain.content.partial import PARTIAL
from domain.content.translation import TRANSLATION
from domain.content.variables import VariableRequest
from domain.guides.requests import GuideInteractedIn, GuideKeyIn, GuideSeenIn
from domain.guides.rows import Ineligibility
from domain.kit.errors import NotFound
from domain.kit.shapes import read_shape
from domain.messages.engagement import Engagement
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import TenantIn
from services.bulk.departures import delete_recipient
from services.content.variables import put_branding, put_variable
from services.guides import engaging
from services.recipients.recipients import store_recipient
from tests.support.account import Account
from tests.support.broadcasts import join
from tests.support.builders import T0
from tests.support.content import note, save_content
from tests.support.guides import (
    CHANNEL_KEY,
    ELLIE,
    act,
    activate,
    archive,
    guide_step,
    keys,
    publish_guide,
    show,
)
from tests.support.steps import when
from tests.support.waiting import until_blocked
from tests.support.world import World


@pytest.fixture
async def channel(world: World) -> UUID:
    """Make a channel of guides, and a user."""
    await world.make.user(world.environment, ELLIE, name="Ellie", plan="pro")
    return await world.channel("in_app_guide", CHANNEL_KEY)


async def messages(world: World) -> list[dict[str, Any]]:
    """Return the messages of guides."""
    return await world.make.rows(
        "SELECT * FROM messages WHERE environment_id = %s AND source_type = 'guide'",
        world.environment.id,
    )


async def test_what_it_says(world: World, channel: UUID) -> None:
    """Strings are rendered for the user, the tenant and the data, at any depth."""
    await publish_guide(
        world,
        "tour",
        guide_step(
            title="Hi {{ recipient.name }} of {{ tenant.id }}",
            button={"text": "{{ data.page }}", "size": 3},
            dismissible=True,
        ),
    )
    view = await show(world, channel, tenant_id="acme", data={"page": "home"})
    (step,) = view.entries[0].steps
    assert step.content == {
        "title": "Hi Ellie of acme",
        "button": {"text": "home", "size": 3},
        "dismissible": True,
    }
    assert step.engaged is None


async def _commit(world: World, kind: KindOfContent[Any], key: str, **document: Any) -> None:
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, kind, key, document, commit=note(), force=True)


async def _said(world: World, channel: UUID, title: str, **asked: Any) -> Any:
    """Return what a guide with this title says."""
    await publish_guide(world, "tour", guide_step(title=title))
    view = await show(world, channel, **asked)
    return [shown.steps[0].content["title"] for shown in view.entries]


async def test_it_renders_partials(world: World, channel: UUID) -> None:
    """What is rendered by name is seen, as in messages."""
    await _commit(world, PARTIAL, "greeting", name="G", type="text", content="Hi {{ name }}")
    said = await _said(world, channel, "{% render 'greeting', name: recipient.name %}!")
    assert said == ["Hi Ellie!"]


@pytest.mark.parametrize(
    ("locale", "asked", "said"),
    [
        ("de-AT", {}, "Hallo"),
        ("de-AT", {"tenant_id": "acme"}, "Servus"),
        (None, {}, "Hello"),
    ],
)
async def test_it_is_translated(
    world: World, channel: UUID, locale: str | None, asked: dict[str, Any], said: str
) -> None:
    """By the locale of the user, for the tenant."""
    if locale is not None:
        await world.identify(ELLIE, locale=locale)
    for key, text in (("en", "Hello"), ("de", "Hallo"), ("de~acme", "Servus")):
        await _commit(world, TRANSLATION, key, format="json", content=f'{{"hi": "{text}"}}')
    assert await _said(world, channel, "{{ 'hi' | t }}", **asked) == [said]


async def test_it_sees_public_variables_only(account: Account) -> None:
    """A secret variable is nothing to what users are shown, in texts and in conditions."""
    world = await account.world()
    channel = await world.channel("in_app_guide", CHANNEL_KEY)
    for key, kind in (("plan", "public"), ("token", "secret")):
        wanted = VariableRequest.model_validate({"type": kind, "value": f"{key}-value"})
        await put_variable(world.engine, key, wanted)
    said = await _said(world, channel, "{{ vars.plan }}/{{ vars.token }}")
    assert said == ["plan-value/"]
    for key in ("plan", "token"):
        condition = when(f"vars.{key}", "equal_to", f"{key}-value")
        await publish_guide(world, f"with-{key}", target_property_conditions=condition)
    assert keys(await show(world, channel)) == ["tour", "with-plan"]


@pytest.mark.parametrize(
    ("tenant", "color"), [(None, "#111111"), ("acme", "#222222"), ("other", "#111111")]
)
async def test_it_sees_the_branding(
    world: World, channel: UUID, tenant: str | None, color: str
) -> None:
    """That of the environment, and over it that of the tenant."""
    branding = {"primary_color": "#111111"}
    await put_branding(world.engine, world.environment.scope, branding)
    given = read_shape(TenantIn, {"settings": {"branding": {"primary_color": "#222222"}}})
    acme = RecipientRef("$tenants", "acme")
    await store_recipient(world.engine, world.environment.scope, acme, given)
    assert await _said(world, channel, "{{ vars.branding.primary_color }}", tenant_id=tenant) == [
        color
    ]


def _field(kind: str, key: str) -> dict[str, Any]:
    return {"type": kind, "key": key, "label": key}


async def test_markdown_becomes_html(world: World, channel: UUID) -> None:
    """In the fields that the variant of the message type has as Markdown, after their Liquid."""
    fields = [_field("markdown", "note"), _field("text", "body")]
    await _commit(
        world,
        MESSAGE_TYPE,
        "card-of-ours",
        name="Card",
        preview="",
        variants=[
            {"key": "default", "name": "Default", "fields": fields},
            {"key": "plain", "name": "Plain", "fields": [_field("text", "note")]},
        ],
    )
    values = {"note": "**Hi** {{ recipient.name }} <script>x</script>", "body": "**Hi**"}
    ours = {**guide_step(**values), "schema_key": "card-of-ours"}
    plain = {**ours, "ref": "step_2", "schema_variant_key": "plain", "values": {"note": "**Hi**"}}
    await publish_guide(world, "tour", ours, plain)
    first, second = (await show(world, channel)).entries[0].steps
    assert first.content == {
        "note": "<p><strong>Hi</strong> Ellie </p>",
        "body": "**Hi**",
    }
    assert second.content == {"note": "**Hi**"}


@pytest.mark.parametrize("key", ["banner", "modal", "card", "of-the-application"])
async def test_the_body_of_knocks_own_types_is_markdown(
    world: World, channel: UUID, key: str
) -> None:
    """Nobody has to publish them; of a type that nobody knows nothing is Markdown."""
    step = {**guide_step(title="**Hi**", body="**Hi** {{ recipient.name }}"), "schema_key": key}
    await publish_guide(world, "tour", step)
    (shown,) = (await show(world, channel)).entries[0].steps
    is_known = key != "of-the-application"
    body = "<p><strong>Hi</strong> Ellie</p>" if is_known else "**Hi** Ellie"
    assert shown.content == {"title": "**Hi**", "body": body}


async def test_the_oldest_first(world: World, channel: UUID) -> None:
    """Guides stand in the order in which they were made, those of a type alone when asked for."""
    for day, key in enumerate(("first", "second", "third")):
        await publish_guide(world.at(T0 + timedelta(days=day)), key)
    modal = {**guide_step(), "schema_key": "modal"}
    await publish_guide(world.at(T0 + timedelta(days=9)), "modal", modal)
    assert keys(await show(world, channel)) == ["first", "second", "third", "modal"]
    assert keys(await show(world, channel, guide_type="modal")) == ["modal"]


async def test_only_while_it_is_active(world: World, channel: UUID) -> None:
    """It is off until somebody switches it on, which may hold for some time only."""
    await publish_guide(world, "tour", active=False)
    assert (await show(world, channel)).ineligible == {"tour": Ineligibility.NOT_ACTIVE}
    hour = timedelta(hours=1)
    await activate(world, "tour", since=T0, until=T0 + hour)
    for moment, seen in ((T0 - hour, []), (T0, ["tour"]), (T0 + hour, [])):
        assert keys(await show(world.at(moment), channel)) == seen
    await activate(world, "tour")
    assert keys(await show(world.at(T0 - hour), channel)) == ["tour"]


async def test_whom_it_is_meant_for(world: World, channel: UUID) -> None:
    """Conditions see recipient, tenant and data; an audience counts for whatever tenant."""
    await publish_guide(
        world, "pros", target_property_conditions=when("recipient.plan", "equal_to", "pro")
    )
    await publish_guide(
        world, "here", target_property_conditions=when("data.page", "equal_to", "home")
    )
    await join(world, "vips", (ELLIE, "acme"))
    await publish_guide(world, "vip", target_audience_key="vips")
    view = await show(world, channel, data={"page": "home"})
    assert keys(view) == ["pros", "here", "vip"]
    assert (await show(world, channel, "stranger")).ineligible == {
        "pros": Ineligibility.CONDITIONS,
        "here": Ineligibility.CONDITIONS,
        "vip": Ineligibility.AUDIENCE,
    }


async def test_strict_tenancy(world: World, channel: UUID) -> None:
    """Then a member counts for the tenant that it is one for, and without one for none."""
    await join(world, "vips", (ELLIE, "acme"))
    await join(world, "staff", ELLIE)
    is_vip = when("recipient", "is_audience_member", "vips")
    for strict in (False, True):
        for audience in ("vips", "staff"):
            await publish_guide(
                world,
                f"{audience}-{strict}".lower(),
                target_audience_key=audience,
                strict_tenancy=strict,
            )
        await publish_guide(
            world,
            f"asks-{strict}".lower(),
            target_property_conditions=is_vip,
            strict_tenancy=strict,
        )
    lenient = {"vips-false", "staff-false", "asks-false"}
    for tenant, strictly in (
        ("acme", {"vips-true", "asks-true"}),
        ("other", set()),
        (None, {"staff-true"}),
    ):
        shown = await show(world, channel, tenant_id=tenant)
        assert set(keys(shown)) == lenient | strictly, tenant


async def test_broken_liquid(world: World, channel: UUID) -> None:
    """A guide that cannot be rendered is left out, and spoils nothing beside it."""
    await publish_guide(world, "tour", guide_step(title="{% for i in (1..9999999) %}x{% endfor %}"))
    await publish_guide(world, "fine")
    assert keys(await show(world, channel)) == ["fine"]


async def test_seen(world: World, channel: UUID) -> None:
    """The first time makes one message, delivered, with what was seen; the guide stays."""
    guide_id = await publish_guide(world, "tour")
    given = {"content": {"title": "Hello"}, "data": {"page": "home"}, "tenant": "acme"}
    await asyncio.gather(
        *(act(world, channel, GuideSeenIn, Engagement.SEEN, guide_id, **given) for _ in range(4))
    )
    (message,) = await messages(world)
    said = ("workflow_key", "step_ref", "delivery_status", "tenant_id", "content", "data")
    assert [message[name] for name in said] == [
        *("tour", "step_1", "delivered", "acme"),
        {"title": "Hello"},
        {"page": "home"},
    ]
    assert (message["channel_id"], message["recipient_id"]) == (channel, ELLIE)
    (shown,) = (await show(world, channel)).entries
    engaged = shown.steps[0].engaged
    assert engaged is not None
    assert (engaged.message_id, engaged.seen_at) == (message["id"], message["seen_at"])
    assert (await world.message_story(message["id"]))[-1] == "seen"


async def test_interacted(world: World, channel: UUID) -> None:
    """What was interacted with was seen and read."""
    guide_id = await publish_guide(world, "tour")
    await act(
        world, channel, GuideInteractedIn, Engagement.INTERACTED, guide_id, metadata={"at": "ok"}
    )
    (message,) = await messages(world)
    assert all(message[name] for name in ("seen_at", "read_at", "interacted_at"))


async def test_archived(world: World, channel: UUID) -> None:
    """A dismissed guide is not shown any more, and the wait of others begins, once."""
    guide_id = await publish_guide(world, "tour")
    assert (await show(world, channel)).dismissed_at is None
    await archive(world.at(T0), channel, guide_id)
    await archive(world.at(T0 + timedelta(hours=1)), channel, guide_id)
    view = await show(world, channel)
    assert (view.ineligible, view.dismissed_at) == ({"tour": Ineligibility.ARCHIVED}, T0)
    given = read_shape(GuideKeyIn, {"guide_key": "tour"})
    await engaging.unarchive(world.engine, world.environment.scope, ELLIE, given)
    assert keys(await show(world, channel)) == ["tour"]
    assert len(await messages(world)) == 1


async def test_archived_without_a_wait(world: World, channel: UUID) -> None:
    """One that nothing waits for begins no wait."""
    guide_id = await publish_guide(world, "tour")
    await archive(world, channel, guide_id, unthrottled=True)
    assert (await show(world, channel)).dismissed_at is None


@pytest.mark.parametrize(("is_final", "shown"), [(False, ["tour"]), (True, [])])
async def test_one_step_of_several(
    world: World, channel: UUID, is_final: bool, shown: list[str]
) -> None:
    """A guide is done with when all its steps are, or when one is said to be the last."""
    guide_id = await publish_guide(world, "tour", guide_step(), guide_step("step_2"))
    await archive(world, channel, guide_id, is_final=is_final)
    assert keys(await show(world, channel)) == shown


async def test_reset(world: World, channel: UUID) -> None:
    """It is new to the user again; the next time makes another message."""
    guide_id = await publish_guide(world, "tour")
    await archive(world, channel, guide_id)
    given = read_shape(GuideKeyIn, {"guide_key": "tour"})
    await engaging.reset(world.engine, world.environment.scope, ELLIE, given)
    (shown,) = (await show(world, channel)).entries
    assert shown.steps[0].engaged is None
    await archive(world, channel, guide_id)
    assert len(await messages(world)) == 2


async def test_what_is_not_there(world: World, channel: UUID) -> None:
    """Nothing is made of an unknown guide, step or channel."""
    guide_id = await publish_guide(world, "tour")
    feed = await world.make.channel()
    for wrong in (
        {"guide_key": "other"},
        {"guide_step_ref": "other"},
        {"channel_id": str(feed)},
    ):
        with pytest.raises(NotFound):
            await archive(world, channel, guide_id, **wrong)
    with pytest.raises(NotFound):
        await archive(world, channel, channel)
    with pytest.raises(NotFound):
        await show(world, feed)
    assert await messages(world) == []


async def test_whom_nobody_has_identified(world: World) -> None:
    """They see guides, and may dismiss them: with that they are known, and in audiences."""
    channel = await world.channel("in_app_guide", CHANNEL_KEY)
    await world.audience("all", [{"property": "plan", "operator": "not_exists"}])
    guide_id = await publish_guide(world, "tour")
    assert keys(await show(world, channel)) == ["tour"]
    await archive(world, channel, guide_id)
    assert keys(await show(world, channel)) == []
    await archive(world, channel, guide_id)
    assert len(await messages(world)) == 1
    rows = await world.make.rows(
        "SELECT r.id, m.audience_key FROM recipients r LEFT JOIN audience_members m"
        " ON m.environment_id = r.environment_id AND m.user_id = r.id WHERE r.environment_id = %s",
        world.environment.id,
    )
    assert [(row["id"], row["audience_key"]) for row in rows] == [(ELLIE, "all")]


async def test_anybody_makes_nobody_known(world: World) -> None:
    """Who has the public key alone could make up users without end."""
    channel = await world.channel("in_app_guide", CHANNEL_KEY)
    guide_id = await publish_guide(world, "tour")
    with pytest.raises(NotFound):
        await archive(world, channel, guide_id, is_anonymous=True)
    assert await messages(world) == []


async def test_a_user_who_is_being_deleted(world: World, channel: UUID) -> None:
    """Whoever does something in anybody's name meanwhile waits, and then finds nobody."""
    guide_id = await publish_guide(world, "tour")
    async with world.make.database.transaction() as connection:
        await connection.execute(
            "DELETE FROM recipients WHERE environment_id = %s AND id = %s",
            (world.environment.id, ELLIE),
        )
        acting = asyncio.create_task(archive(world, channel, guide_id, is_anonymous=True))
        await until_blocked(world.make)
    with pytest.raises(NotFound):
        await acting
    assert await messages(world) == []


async def test_nothing_is_left_of_a_deleted_user(world: World, channel: UUID) -> None:
    """With the user goes what the user did."""
    guide_id = await publish_guide(world, "tour")
    await archive(world, channel, guide_id)
    await delete_recipient(world.engine, world.environment.scope, RecipientRef.user(ELLIE))
    view = await show(world, channel)
    assert (keys(view), view.dismissed_at) == (["tour"], None)

"""Links by which a recipient takes no more commercial messages."""

from __future__ import annotations

import base64
from datetime import timedelta
from email import message_from_bytes
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.kit.errors import NotFound
from domain.recipients.refs import RecipientRef
from providers.email.mime import build_mail
from runtime.vault import UnknownKey, Vault
from services.preferences.links import Link, seal_link
from services.preferences.unsubscribing import check_link, unsubscribe, unsubscribe_url
from tests.support.builders import T0
from tests.support.steps import channel_step, email_step, feed_step
from tests.support.world import World

_ELLIE = RecipientRef.user("ellie")


async def sets(world: World) -> dict[str, Any]:
    """Return what is stored of Ellie's preferences."""
    rows = await world.make.rows(
        "SELECT id, content FROM preference_sets WHERE environment_id = %s AND recipient_id = %s",
        *(world.environment.id, "ellie"),
    )
    return {row["id"]: row["content"] for row in rows}


def token_of(url: str) -> str:
    """Return the part of a link that says whose it is."""
    return url.rpartition("/")[2]


async def content_of(world: World, step: Any, **settings: Any) -> Any:
    """Return the content of the message that a step of a workflow with such settings makes."""
    key = f"flow-{uuid4().hex[:8]}"
    await world.publish(key, step, settings=settings)
    run_id = await world.begin(key)
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    return message["content"]


async def test_a_link_unsubscribes_and_changes_nothing_else(world: World) -> None:
    """`default.commercial_subscribed` becomes false, also when it is followed twice."""
    said = {"categories": {"news": False}, "commercial_subscribed": {"conditions": []}}
    await world.publish("plain", channel_step("feed"))
    await world.trigger("plain", {"id": "ellie", "preferences": {"default": said, "acme": {}}})
    token = token_of(unsubscribe_url(world.engine, world.environment.id, _ELLIE))
    check_link(world.engine, token)
    assert (await sets(world))["default"] == said
    for _ in range(2):
        await unsubscribe(world.engine, token)
        expected = {"categories": {"news": False}, "commercial_subscribed": False}
        assert await sets(world) == {"default": expected, "acme": {}}


async def test_a_link_of_somebody_deleted_brings_nobody_back(world: World) -> None:
    """Nothing is stored for who is not there."""
    await unsubscribe(
        world.engine, token_of(unsubscribe_url(world.engine, world.environment.id, _ELLIE))
    )
    assert await sets(world) == {}


async def test_a_link_is_not_for_who_comes_later(world: World) -> None:
    """Whoever was made under the same id afterwards is somebody else; an old link says no time."""
    made_at = world.engine.clock() - timedelta(hours=1)
    link = Link(world.environment.id, _ELLIE, made_at=made_at)
    before = seal_link(world.engine, "commercial_unsubscribe", link)
    await world.identify("ellie")
    await unsubscribe(world.engine, before)
    assert await sets(world) == {}

    document = {"environment": str(world.environment.id), "collection": "$users", "id": "ellie"}
    sealed = world.engine.vault.seal(document, "commercial_unsubscribe")
    await unsubscribe(world.engine, base64.urlsafe_b64encode(sealed).decode())
    assert await sets(world) == {"default": {"commercial_subscribed": False}}


async def test_only_our_own_links_work(world: World) -> None:
    """One that was changed, cut off or made up is refused; one of a missing key has to wait."""
    token = token_of(unsubscribe_url(world.engine, world.environment.id, _ELLIE))
    changed = ("A" if token[40] != "A" else "B") + token[41:]
    for wrong in ("", "x", token[:-3], token[:40] + changed, "ä", "a" * 5_000):
        with pytest.raises(NotFound):
            await unsubscribe(world.engine, wrong)
    sealed_elsewhere = world.engine.vault.seal({"collection": "$users"}, "another place")
    with pytest.raises(NotFound):
        check_link(world.engine, sealed_elsewhere.hex())
    with pytest.raises(UnknownKey):
        check_link(world.with_parts(vault=Vault(["another key " * 2])).engine, token)


async def test_a_link_tells_nobody_whose_it_is(world: World) -> None:
    """It may stand in logs of proxies, so it shows no id."""
    ref = RecipientRef("$users", "ellie@example.com")
    url = unsubscribe_url(world.engine, UUID(int=7), ref)
    assert "ellie" not in url
    assert url.startswith(f"{world.engine.settings.public_address}/unsubscribe/")


async def test_mails_of_commercial_workflows_unsubscribe_by_one_click(world: World) -> None:
    """The headers of RFC 8058 and `vars.commercial_unsubscribe_url` lead to the same link."""
    step = email_step()
    step["template"]["html_body"] = "<a href='{{ vars.commercial_unsubscribe_url }}'>Off</a>"
    content = await content_of(world, step, is_commercial=True)
    url = content["headers"]["List-Unsubscribe"].strip("<>")
    assert content["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in content["html_body"]
    mail = build_mail({**content, "from": "a@example.com"}, "m1", T0)
    assert message_from_bytes(mail.data)["List-Unsubscribe"] == f"<{url}>"
    await unsubscribe(world.engine, token_of(url))
    assert await sets(world) == {"default": {"commercial_subscribed": False}}


async def test_other_workflows_have_no_link(world: World) -> None:
    """Neither header nor variable is there."""
    step = email_step()
    step["template"]["html_body"] = "{% if vars.commercial_unsubscribe_url %}link{% endif %}"
    content = await content_of(world, step)
    assert (content["headers"], "link" in content["html_body"]) == ({}, False)


async def test_an_authors_own_header_stays(world: World) -> None:
    """Whoever has a way of their own to unsubscribe keeps it, however it is written."""
    overrides = '{"headers": {"list-unsubscribe": "<https://example.com/off>"}}'
    step = email_step(channel_overrides={"json_overrides": overrides})
    content = await content_of(world, step, is_commercial=True)
    assert content["headers"] == {"list-unsubscribe": "<https://example.com/off>"}


async def test_a_link_too_long_for_a_header_is_left_to_the_body(world: World) -> None:
    """A line of a mail has room for 998 characters, and a link cannot be folded."""
    key = f"flow-{uuid4().hex[:8]}"
    await world.publish(key, email_step(), settings={"is_commercial": True})
    odd = {"id": "漢" * 256, "email": "ellie@example.com"}
    run_id = await world.begin(key, odd)
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    assert message["content"]["headers"] == {}


async def test_every_channel_type_sees_the_link(world: World) -> None:
    """An in-app message may show it too."""
    step = feed_step("{{ vars.commercial_unsubscribe_url }}")
    content = await content_of(world, step, is_commercial=True)
    assert "/unsubscribe/" in content["blocks"][0]["rendered"]

"""The hosted page on which a user sets its preferences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from domain.recipients.refs import RecipientRef
from runtime.settings import Settings
from services.content.variables import put_branding
from services.engine import Engine
from services.preferences.hosted import preferences_url
from services.preferences.links import Link, seal_link
from services.preferences.unsubscribing import unsubscribe_url
from tests.support.browser import real_browser
from tests.support.builders import Builder, Environment
from tests.support.preference_center import Form, configure, open_form
from tests.support.server import serving

ELLIE = RecipientRef.user("ellie")
NEWS = {
    "type": "category",
    "name": "News & <offers>",
    "description": "What is new",
    "identifier": "news",
    "channel_types": ["email", "sms"],
}
COMMENT = {"type": "workflow", "name": "Comments", "identifier": "comment"}


@pytest.fixture
async def path(client: httpx.AsyncClient, engine: Engine, environment: Environment) -> str:
    """Make a user, let the page show three rows, and return where it is."""
    await client.put("/v1/users/ellie", json={"email": "ellie@example.com"})
    await configure(engine, environment, NEWS, COMMENT)
    made = (await client.post("/v1/users/ellie/preference_center/signed_url")).json()
    return urlsplit(made["url"]).path


async def wishes(client: httpx.AsyncClient) -> Any:
    """Return what Ellie prefers, as the API says it."""
    return (await client.get("/v1/users/ellie/preferences/default")).json()


async def test_looking_changes_nothing_and_saving_does(
    client: httpx.AsyncClient, path: str
) -> None:
    """What is switched off is what the API reads; saving twice is saving once."""
    before = await wishes(client)
    form = await open_form(client, path)
    assert {label: one.is_on for label, one in form.switches.items()} == {
        "E-mail": True,
        "SMS": True,
        "Comments": True,
        "Commercial messages": True,
    }
    assert await wishes(client) == before

    for _ in range(2):
        saved = await client.post(
            path, data=form.sent(**{"SMS": False, "Comments": False, "Commercial messages": False})
        )
        assert saved.status_code == 200
        assert 'role="status"' in saved.text
        after = await wishes(client)
        assert after["categories"]["news"]["channel_types"] == {"sms": False}
        assert after["workflows"] == {"comment": False}
        assert after["commercial_subscribed"] is False
    states = Form(saved.text).switches
    assert [label for label, one in states.items() if one.is_on] == ["E-mail"]

    back = Form(saved.text).sent(**{"SMS": True, "Comments": True, "Commercial messages": True})
    await client.post(path, data=back)
    after = await wishes(client)
    assert after["categories"]["news"]["channel_types"] == {"sms": True}
    assert (after["workflows"], after["commercial_subscribed"]) == ({"comment": True}, True)


async def test_what_others_wrote_is_escaped_and_nothing_comes_from_elsewhere(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, path: str
) -> None:
    """Names, texts and colours; a logo of another site is not asked for."""
    await client.put("/v1/users/ellie", json={"email": "<b>@example.com"})
    await put_branding(
        engine,
        environment.scope,
        {
            "primary_color": "red}</style><script>alert(1)</script>",
            "dark_primary_color": "#123456",
            "logo_url": "https://elsewhere.example/logo.png",
        },
    )
    page = await client.get(path)
    assert "News &amp; &lt;offers&gt;" in page.text
    assert "&lt;b&gt;@example.com" in page.text
    assert "<script" not in page.text
    assert "red}" not in page.text
    assert "--brand: #123456" in page.text
    assert "://" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


async def test_a_logo_that_lies_here_is_shown(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, path: str
) -> None:
    """By its path, so that the page works behind any name."""
    logo = f"{engine.settings.public_address}/assets/logo.png"
    await put_branding(engine, environment.scope, {"logo_url": logo})
    assert 'src="/assets/logo.png"' in (await client.get(path)).text


async def test_a_logo_that_lies_below_a_path(
    client: httpx.AsyncClient,
    engine: Engine,
    environment: Environment,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The public address may have a path of its own, and that is a part of the logo's."""
    monkeypatch.setattr(Settings, "public_address", "https://shop.test/notify")
    logo = "https://shop.test/notify/assets/logo.png?v=2"
    await put_branding(engine, environment.scope, {"logo_url": logo})
    assert 'src="/notify/assets/logo.png?v=2"' in (await client.get(path)).text


async def test_what_depends_on_conditions_is_shown_and_stays(
    client: httpx.AsyncClient, path: str
) -> None:
    """It is marked, explained, and not written whatever is sent."""
    conditional = {"conditions": [{"variable": "data.a", "operator": "exists", "argument": None}]}
    wish = {"workflows": {"comment": conditional}}
    await client.put("/v1/users/ellie/preferences/default", json=wish)
    before = await wishes(client)
    form = await open_form(client, path)
    assert form.switches["Comments"].is_fixed
    name = form.switches["Comments"].name
    assert name not in form.shown
    sent = form.sent()
    await client.post(path, data={**sent, "shown": [*sent["shown"], name]})
    assert await wishes(client) == before


async def test_while_it_is_off_only_commercial_messages_are_switched(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, path: str
) -> None:
    """Also by the form of a page that was opened before."""
    form = await open_form(client, path)
    await configure(engine, environment, NEWS, COMMENT, enabled=False)
    assert list((await open_form(client, path)).switches) == ["Commercial messages"]
    sent = form.sent(**{"Comments": False, "SMS": False, "Commercial messages": False})
    await client.post(path, data=sent)
    after = await wishes(client)
    assert not after["workflows"]
    assert not after["categories"]
    assert after["commercial_subscribed"] is False


async def test_a_link_of_somebody_or_something_else_is_not_this_one(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, path: str, make: Builder
) -> None:
    """Cut off, changed, made to unsubscribe, or of another environment."""
    other = await make.environment()
    unsubscribing = unsubscribe_url(engine, environment.id, ELLIE).rpartition("/")[2]
    token = path.rpartition("/")[2]
    changed = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    elsewhere = preferences_url(engine, other.id, ELLIE, engine.clock()).token
    for wrong in ("broken", token[:-4], changed, unsubscribing, elsewhere):
        why = "no longer valid" if wrong == elsewhere else "not valid"
        for method in ("GET", "POST"):
            answered = await client.request(method, f"/p/{wrong}", data={"shown": ["x"]})
            assert answered.status_code == 404
            assert f"<h1>This link is {why}</h1>" in answered.text
            assert answered.headers["content-type"].startswith("text/html")
    assert (await client.get(f"/unsubscribe/{token}")).status_code == 404


async def test_a_link_ends_after_its_days(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, path: str
) -> None:
    """An old one says so and changes nothing; one without an end still works."""
    form = await open_form(client, path)
    days = timedelta(days=engine.settings.preference_link_days)
    assert days == timedelta(days=365)
    old = preferences_url(engine, environment.id, ELLIE, engine.clock() - days).token
    nearly = engine.clock() - days + timedelta(minutes=1)
    young = preferences_url(engine, environment.id, ELLIE, nearly).token
    assert (await client.get(f"/p/{young}")).status_code == 200
    before = await wishes(client)
    for method in ("GET", "POST"):
        answered = await client.request(method, f"/p/{old}", data=form.sent(Comments=False))
        assert answered.status_code == 410
        assert "<h1>This link has expired" in answered.text
    assert await wishes(client) == before
    endless = seal_link(engine, "preference_center", Link(environment.id, ELLIE))
    assert (await client.get(f"/p/{endless}")).status_code == 200


async def test_who_was_deleted_is_not_made_again(client: httpx.AsyncClient, path: str) -> None:
    """The page says that there is nobody."""
    form = await open_form(client, path)
    await client.delete("/v1/users/ellie")
    for method in ("GET", "POST"):
        answered = await client.request(method, path, data=form.sent(Comments=False))
        assert answered.status_code == 404
        assert "no longer valid" in answered.text
    assert (await client.get("/v1/users/ellie")).status_code == 404


async def test_an_odd_form_is_no_fault_of_ours(client: httpx.AsyncClient, path: str) -> None:
    """Bytes of any kind change nothing; too many fields are refused."""
    before = await wishes(client)
    for body in (b"", b"\xff\xfe=%00&on=%ff", b"{}", b"shown=&on=&shown=[]"):
        assert (await client.post(path, content=body)).status_code == 200
    assert (await client.post(path, content=b"&".join([b"on=1"] * 2001))).status_code == 422
    assert await wishes(client) == before


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """Serve the product."""
    async with serving(app) as found:
        yield found


async def test_over_a_real_connection(client: httpx.AsyncClient, address: str, path: str) -> None:
    """A user opens the page and saves it, with nothing but the link."""
    async with httpx.AsyncClient(base_url=address) as browser:
        form = await open_form(browser, path)
        saved = await browser.post(path, data=form.sent(Comments=False))
    assert saved.status_code == 200
    assert (await wishes(client))["workflows"] == {"comment": False}


async def test_in_a_browser(client: httpx.AsyncClient, address: str, path: str) -> None:
    """By keyboard and names alone; without scripts, and without any other host."""
    asked: list[str] = []
    faults: list[str] = []
    async with real_browser() as browser:
        page = await browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: faults.append(message.text))
        await page.goto(f"{address}{path}")
        group = page.get_by_role("group", name="News & <offers>")
        await group.get_by_role("checkbox", name="SMS").uncheck()
        comments = page.get_by_role("checkbox", name="Comments")
        await comments.focus()
        await page.keyboard.press("Space")
        await page.get_by_role("button", name="Save preferences").click()
        await page.get_by_role("status").wait_for()
        assert not await comments.is_checked()
    assert faults == []
    assert all(url.startswith(address) or url.endswith("favicon.ico") for url in asked)
    after = await wishes(client)
    assert after["workflows"] == {"comment": False}
    assert after["categories"]["news"]["channel_types"] == {"sms": False}

"""The preference center of a user over HTTP: what it shows, and links to it."""

from __future__ import annotations

import httpx
import knockapi
from fastapi import FastAPI

from domain.content.variables import VariableRequest
from services.content.variables import put_branding, put_variable
from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.preference_center import configure
from tests.support.server import serving
from tests.support.user_tokens import let_sign, of_browser, signed

CONFIG = "/v1/users/ellie/preference_center/config"
SIGNED = "/v1/users/ellie/preference_center/signed_url"


async def test_a_user_sees_rows_branding_and_name(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """What the environment says, and whose page it is."""
    await client.put("/v1/users/ellie", json={"email": "ellie@example.com"})
    await configure(engine, environment, {"type": "category", "name": "News", "identifier": "n"})
    await put_branding(
        engine, environment.scope, {"primary_color": "#112233", "dark_primary_color": "#445566"}
    )
    found = (await client.get(CONFIG)).json()
    assert found["enabled"] is True
    assert found["user_email"] == "ellie@example.com"
    assert found["knock_branding_required"] is False
    assert found["branding"]["primary_color"] == "#112233"
    assert found["branding"]["dark"]["primary_color"] == "#445566"
    assert found["branding"]["logo_url"] is None
    assert found["config"]["title"] == "Mine"
    assert [row["type"] for row in found["config"]["rows"]] == ["category", "commercial_subscribed"]
    assert found["config"]["rows"][0] == {
        "type": "category",
        "name": "News",
        "identifier": "n",
        "channel_types": None,
    }
    assert found["account_name"] is None
    name = VariableRequest.model_validate({"value": "Ingen"})
    await put_variable(engine, "app_name", name)
    assert (await client.get(CONFIG)).json()["account_name"] == "Ingen"


async def test_while_it_is_off_only_commercial_messages_are_shown(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """The answer says so; who has no e-mail address goes by the id."""
    await client.put("/v1/users/ellie", json={})
    row = {"type": "category", "name": "News", "identifier": "n"}
    await configure(engine, environment, row, enabled=False)
    found = (await client.get(CONFIG)).json()
    assert (found["enabled"], found["user_email"]) == (False, "ellie")
    assert [row["type"] for row in found["config"]["rows"]] == ["commercial_subscribed"]


async def test_nobody_has_no_preference_center(client: httpx.AsyncClient) -> None:
    """An unknown user is a 404."""
    for method, path in (("GET", CONFIG), ("POST", SIGNED)):
        answered = await client.request(method, path)
        assert answered.status_code == 404
        assert answered.json()["code"] == "resource_missing"


async def test_a_browser_sees_its_own_and_makes_no_links(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """With the user's token, where one is demanded; links are made by servers alone."""
    await client.put("/v1/users/ellie", json={"email": "ellie@example.com"})
    await let_sign(make, environment)
    seen = (await client.get(CONFIG, headers=of_browser(environment, signed("ellie")))).json()
    assert seen["user_email"] == "ellie@example.com"
    others = await client.get(CONFIG, headers=of_browser(environment, signed("alan")))
    assert others.status_code == 401
    refused = await client.post(SIGNED, headers=of_browser(environment, signed("ellie")))
    assert refused.status_code == 401
    unproven = await client.get(CONFIG, headers=of_browser(environment))
    assert unproven.status_code == 401


async def test_the_sdk_reads_it_and_makes_a_link(
    client: httpx.AsyncClient, app: FastAPI, engine: Engine, environment: Environment
) -> None:
    """Over a real connection; the token is the last part of the address."""
    await client.put("/v1/users/ellie", json={})
    async with (
        serving(app) as address,
        knockapi.AsyncKnock(api_key=environment.secret_key, base_url=address) as knock,
    ):
        seen = await knock.users.preference_center.get_config("ellie")
        made = await knock.users.preference_center.generate_signed_url("ellie")
    assert seen.config.rows[0].type == "commercial_subscribed"
    assert made.url == f"{engine.settings.public_address}/p/{made.token}"
    assert "ellie" not in made.token

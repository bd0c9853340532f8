"""Variables in runs: what templates, conditions and requests see, and what nobody reads back."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from domain.content.variables import VariableRequest
from domain.contract.runs import Fetch
from domain.kit.errors import Unavailable
from runtime.vault import Vault
from services.content import variables
from services.runs.fetches import make_attempt
from tests.providers.servers import HttpServer, reply, serving
from tests.support.account import VAULT_KEY, Account
from tests.support.steps import feed_step, fetch_step, webhook_step, when, with_template
from tests.support.world import World

SECRET = "sk-s3cret/value"


@pytest.fixture
async def world(account: Account) -> World:
    """Look at an environment of an account of its own: variables are those of all environments."""
    return await account.world()


async def _variable(world: World, value: Any, *, secret: bool = False, **own: Any) -> str:
    """Make a variable that only this test has; all environments of a database share them."""
    key = f"v_{uuid4().hex[:12]}"
    kind = "secret" if secret else "public"
    wanted = VariableRequest.model_validate({"type": kind, "value": value, **own})
    await variables.put_variable(world.engine, key, wanted)
    return key


async def _shown(world: World, run_id: str) -> str:
    """Return what the feed item of a run shows."""
    (message,) = await world.messages(run_id)
    rendered: str = message["content"]["blocks"][0]["rendered"]
    return rendered.strip().removeprefix("<p>").removesuffix("</p>")


async def _told(world: World, run_id: str) -> str:
    """Return everything that a run's story says."""
    rows = await world.make.rows(
        "SELECT data FROM recipient_run_events WHERE recipient_run_id = %s", run_id
    )
    return json.dumps([row["data"] for row in rows])


async def test_templates_see_typed_values(world: World) -> None:
    """JSON is what it says; a change counts from the next walk on; what is not there is empty."""
    key = await _variable(world, '{"plan": {"seats": 3}, "on": false}')
    step = feed_step(
        f"{{{{ vars.{key}.plan.seats | plus: 1 }}}}"
        f"{{% if vars.{key}.on %}}on{{% else %}}off{{% endif %}}{{{{ vars.none }}}}"
    )
    run_id, _ = await world.send(step)
    assert await _shown(world, run_id) == "4off"

    changed = VariableRequest(value='{"plan": {"seats": 7}, "on": true}')
    await variables.put_variable(world.engine, key, changed)
    run_id, _ = await world.send(step)
    assert await _shown(world, run_id) == "8on"


async def test_an_environment_has_its_own_value(world: World) -> None:
    """The value of the run's environment wins over the account's, an empty one too."""
    own = {"environment_values": {world.environment.scope.slug: "here"}}
    key = await _variable(world, "everywhere", **own)
    run_id, _ = await world.send(feed_step(f"{{{{ vars.{key} }}}}"))
    assert await _shown(world, run_id) == "here"


@pytest.mark.parametrize("name", ["preferences", "preference_set"])
async def test_a_tenants_preferences_are_seen(world: World, name: str) -> None:
    """Under the name that templates know them by, and under that of the API."""
    preferences = {"categories": {"news": False}}
    tenant = {"id": "acme", "settings": {"preference_set": preferences}}
    step = feed_step(f"{{{{ tenant.settings.{name}.categories.news }}}}")
    run_id, _ = await world.send(step, tenant=tenant)
    assert await _shown(world, run_id) == "false"


async def test_branding_is_seen_and_a_tenants_wins(world: World) -> None:
    """The branding of the environment stands below that of the tenant, member by member."""
    await variables.put_branding(
        world.engine, world.environment.scope, {"primary_color": "#111111", "font": "Inter"}
    )
    step = feed_step("{{ vars.branding.primary_color }} {{ vars.branding.font }}")
    tenant = {"id": "acme", "settings": {"branding": {"primary_color": "#222222"}}}
    for given, shown in (({}, "#111111 Inter"), ({"tenant": tenant}, "#222222 Inter")):
        run_id, _ = await world.send(step, **given)
        assert await _shown(world, run_id) == shown


async def test_conditions_judge_secrets_and_do_not_tell_them(world: World) -> None:
    """A condition on a secret holds, and the trace has neither side of it."""
    text = await _variable(world, SECRET, secret=True)
    number = await _variable(world, "123456", secret=True)
    for key, argument in ((text, SECRET), (number, 123456)):
        step = feed_step(conditions={"all": [when(f"vars.{key}", "equal_to", argument)]})
        run_id, _ = await world.send(step)
        assert len(await world.messages(run_id)) == 1
        assert "step_conditions_evaluated" in await world.story(run_id)
        assert str(argument) not in await _told(world, run_id)


async def test_a_broken_template_does_not_tell_a_secret(world: World) -> None:
    """The words of an error that quotes a secret are blanked in the story."""
    key = await _variable(world, SECRET, secret=True)
    step = feed_step(f"{{{{ '1.0' | compare_versions: vars.{key} }}}}")
    run_id, _ = await world.send(step)
    told = await _told(world, run_id)
    assert "redacted" in told
    assert SECRET not in told


async def test_webhooks_carry_secrets_and_do_not_show_them(world: World) -> None:
    """The server gets the secret in URL, header and body; message and log have it nowhere."""
    key = await _variable(world, SECRET, secret=True)
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    async with serving(HttpServer({})) as server:
        world = world.with_parts(settings=settings)
        server.replies["/x"] = reply(200, json.dumps({"echo": SECRET}).encode())
        await world.channel("http", provider="http_knock_webhook", key="hook-of-variables")
        step = with_template(
            webhook_step("hook-of-variables"),
            url=f"{server.url}/x",
            method="post",
            headers=[{"key": "x-plain", "value": f"{{{{ vars.{key} }}}}"}],
            body=f'{{"in": "{{{{ vars.{key} }}}}", "who": "{{{{ recipient.id }}}}"}}',
        )
        run_id, _ = await world.send(step)
        (message,) = await world.messages(run_id)
        assert await world.deliver(message["id"]) == "delivered"
        await world.engine.providers.close()

    (got,) = server.seen
    assert got.body == f'{{"in": "{SECRET}", "who": "ellie"}}'.encode()
    assert got.headers["x-plain"] == SECRET
    assert SECRET not in json.dumps(message["content"])
    assert "ellie" in message["content"]["body"]
    attempts = await world.make.rows(
        "SELECT to_jsonb(a) AS log FROM delivery_attempts a WHERE message_id = %s", message["id"]
    )
    assert "200" in str(attempts)
    assert SECRET not in str(attempts)


async def test_fetches_carry_secrets_and_do_not_show_them(world: World) -> None:
    """A fetch sends the secret; neither its events nor what they say of the answer have it."""
    key = await _variable(world, SECRET, secret=True)
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    async with serving(HttpServer({})) as server:
        world = world.with_parts(settings=settings)
        server.replies["/x"] = reply(200, b'{"name": "Ada"}')
        headers = [{"key": "x-plain", "value": f"{{{{ vars.{key} }}}}"}]
        run_id, advanced = await world.send(
            fetch_step(headers=headers, url=f"{server.url}/x"), feed_step()
        )
        assert isinstance(advanced.next, Fetch)
        await make_attempt(world.engine, advanced.next.attempt)
        (row,) = await world.make.rows(
            "SELECT trace FROM fetches WHERE recipient_run_id = %s", run_id
        )
        await world.walk(run_id, advanced.cursor)
        await world.engine.providers.close()

    (got,) = server.seen
    assert got.headers["x-plain"] == SECRET
    assert SECRET not in json.dumps(row["trace"])
    assert SECRET not in await _told(world, run_id)


async def test_a_run_waits_for_the_key_of_a_secret(world: World) -> None:
    """A process without the key takes no step, and one with it goes on where the run stood."""
    key = await _variable(world, SECRET, secret=True)
    await world.publish("flow-key", feed_step(f"{{{{ vars.{key} }}}}"))
    run_id = await world.begin("flow-key")
    with pytest.raises(Unavailable):
        await world.with_parts(vault=Vault(["another key"])).walk(run_id)
    assert (await world.walk(run_id)).status == "completed"


async def test_writing_seals_anew(world: World) -> None:
    """A change of anything seals all values with the first key, so that an old one can go."""
    own = {"environment_values": {world.environment.scope.slug: "own secret"}}
    key = await _variable(world, SECRET, secret=True, **own)
    turned = world.with_parts(vault=Vault(["a newer key than that", VAULT_KEY]))
    await variables.put_variable(turned.engine, key, VariableRequest(description="turned"))
    newest = world.with_parts(vault=Vault(["a newer key than that"]))
    assert f"variable {key}" not in await _unreadable(newest)
    await variables.remove_variable(world.engine, key)


async def test_a_secret_that_never_opens_is_nothing(world: World) -> None:
    """A sealed value that belongs elsewhere does not open, and holds up no run."""
    key = await _variable(world, SECRET, secret=True)
    await world.make.rows(
        "UPDATE variables SET sealed_value = %s WHERE key = %s RETURNING 1",
        *(world.engine.vault.seal({"value": "x"}, "another place"), key),
    )
    run_id, _ = await world.send(feed_step(f"a{{{{ vars.{key} }}}}b"))
    assert await _shown(world, run_id) == "ab"
    assert f"variable {key}" in await _unreadable(world)
    await variables.remove_variable(world.engine, key)


async def _unreadable(world: World) -> list[str]:
    async with world.engine.connection() as connection:
        return await variables.list_unreadable_variables(connection, world.engine.vault)

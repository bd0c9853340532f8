"""The seed: everything a newcomer needs, and nothing that a user made is lost to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from commands.seed.sample_workflows import SAMPLE_WORKFLOWS
from commands.seed.seed import seed
from domain.channels.requests import ChannelSettingsRequest
from domain.channels.types import ChannelType
from domain.content.message_type import PREBUILT
from domain.content.workflow import WORKFLOW
from domain.kit.json_types import JsonObject
from domain.kit.pages import PageRequest
from domain.kit.principals import KeyKind, Principal, ServicePrincipal
from models.queries.content.drafts import get_published
from runtime.vault import Vault
from services.account.authentication import authenticate
from services.account.environments import get_scope
from services.channels.channels import put_channel_settings
from services.channels.sealing import open_provider_settings
from services.composition import compose_engine
from services.content.drafts import list_content
from services.engine import Engine
from tests.support.account import SINK, Account, note, workflow
from tests.support.user_tokens import signed

_EVERYTHING = """
SELECT (SELECT count(*) FROM environments) AS environments,
    (SELECT count(*) FROM api_keys) AS api_keys,
    (SELECT count(*) FROM service_tokens) AS service_tokens,
    (SELECT count(*) FROM channels) AS channels,
    (SELECT count(*) FROM channel_environments) AS settings,
    (SELECT count(*) FROM content_resources) AS resources,
    (SELECT count(*) FROM content_versions) AS versions,
    (SELECT count(*) FROM commits) AS commits
"""


def _opened(row: dict[str, Any], vault: Vault) -> JsonObject:
    owner = (row["channel_id"], row["environment_id"])
    return open_provider_settings(vault, row["provider_settings"], *owner)


async def _mail_urls(account: Account) -> set[str]:
    rows = await account.rows(
        "SELECT s.* FROM channel_environments s"
        " JOIN channels c ON c.id = s.channel_id WHERE c.key = 'smtp'"
    )
    vault = account.engine.vault
    return {str(_opened(row, vault)["url"]) for row in rows}


def _with_smtp(account: Account, url: str | None, port: int = 2525) -> Engine:
    old = account.engine
    settings = old.settings.model_copy(update={"smtp_url": url, "smtp_port": port})
    return compose_engine(settings, old.database, old.temporal, old.vault)


async def test_the_seed_makes_a_whole_account(account: Account) -> None:
    """Two environments with keys, a channel per type in both, a layout and three workflows."""
    assert await account.rows(_EVERYTHING) == [
        {
            "environments": 2,
            "api_keys": 4,
            "service_tokens": 1,
            "channels": len(ChannelType),
            "settings": 2 * len(ChannelType),
            # Beside these the message types of each environment, which nobody has committed.
            "resources": 8 + 2 * len(PREBUILT),
            "versions": 8 + 2 * len(PREBUILT),
            "commits": 8,
        }
    ]


@pytest.mark.parametrize("slug", ["development", "production"])
async def test_the_samples_are_published_and_valid_everywhere(account: Account, slug: str) -> None:
    """Each sample workflow and the layout can run in both environments."""
    environment = await account.scope(slug)
    page = await list_content(
        account.engine, environment, WORKFLOW, PageRequest(), hide_uncommitted_changes=True
    )
    async with account.engine.connection() as connection:
        layout = await get_published(connection, environment.id, "email_layout", "default")

    assert {view.key: view.valid for view in page.rows} == dict.fromkeys(SAMPLE_WORKFLOWS, True)
    assert layout is not None
    assert layout.version_id is not None


@pytest.mark.parametrize("slug", ["development", "production"])
async def test_the_keys_open_their_environment(account: Account, slug: str) -> None:
    """The keys given to the seed authenticate as what they are."""
    pair = account.keys.environments[slug]
    secret = await authenticate(account.engine, pair.secret_key)
    token = signed("ellie", pair.signing_key)
    public = await authenticate(account.engine, pair.public_key, token)
    service = await authenticate(account.engine, account.keys.service_token)

    assert isinstance(secret, Principal)
    assert isinstance(public, Principal)
    assert isinstance(service, ServicePrincipal)
    assert (secret.kind, secret.environment.slug) == (KeyKind.SECRET, slug)
    assert (public.kind, public.environment.slug) == (KeyKind.PUBLIC, slug)
    assert public.user_token is not None
    assert public.user_token.user_id == "ellie"


async def test_seeding_again_changes_nothing(account: Account) -> None:
    """Any number of starts, even at once, leave one account, with the same channel ids."""
    before = await account.rows(_EVERYTHING)

    stacks = await asyncio.gather(*(seed(account.engine, account.keys) for _ in range(3)))

    assert await account.rows(_EVERYTHING) == before
    assert stacks[0] == stacks[1] == stacks[2]
    assert set(stacks[0].channels) == set(ChannelType)
    assert stacks[0].channels["in_app_feed"].key == "in-app"
    assert stacks[0].channels["in_app_feed"].id == "0fb8c480-19c3-4b1c-b771-0f8917236f74"


async def test_what_a_user_changed_stays(account: Account) -> None:
    """Edited workflows, channel settings and revoked keys survive the next start."""
    await account.save("welcome", workflow("Mine"), commit=note())
    await account.rows("UPDATE channels SET name = 'Mine' WHERE key = 'smtp'")
    await account.rows("UPDATE api_keys SET revoked_at = now()")
    await account.rows("UPDATE content_resources SET active = false WHERE key = 'invoice-paid'")

    await seed(account.engine, account.keys)

    names = await account.rows(
        "SELECT draft ->> 'name' AS name, active FROM content_resources"
        " WHERE key IN ('welcome', 'invoice-paid') ORDER BY key, name"
    )
    assert names == [
        {"name": "Invoice paid", "active": False},
        {"name": "Invoice paid", "active": False},
        {"name": "Mine", "active": True},
        {"name": "Welcome", "active": True},
    ]
    assert await account.rows("SELECT name FROM channels WHERE key = 'smtp'") == [{"name": "Mine"}]
    assert await account.rows("SELECT 1 FROM api_keys WHERE revoked_at IS NULL") == []


async def test_an_archived_sample_does_not_come_back(account: Account) -> None:
    """A user who archived a sample workflow is not given it again."""
    await account.rows("UPDATE content_resources SET archived_at = now() WHERE key = 'welcome'")
    before = await account.rows(_EVERYTHING)

    await seed(account.engine, account.keys)

    assert await account.rows(_EVERYTHING) == before


async def test_the_mail_server_follows_the_settings(account: Account) -> None:
    """The seeded e-mail channel sends where the settings say, in both environments."""
    assert await _mail_urls(account) == {SINK}

    await seed(_with_smtp(account, "smtp://relay.example.com:25"), account.keys)
    assert await _mail_urls(account) == {"smtp://relay.example.com:25"}

    # Without the variable a server that somebody chose is left alone.
    await seed(_with_smtp(account, None), account.keys)
    assert await _mail_urls(account) == {"smtp://relay.example.com:25"}


async def test_the_embedded_sink_is_followed_to_another_port(account: Account) -> None:
    """The sink may get another port at every start."""
    await seed(_with_smtp(account, None, 4711), account.keys)

    assert await _mail_urls(account) == {"smtp://127.0.0.1:4711"}


async def test_other_settings_of_the_mail_channel_stay(account: Account) -> None:
    """Only the address follows."""
    await put_channel_settings(
        account.engine,
        await get_scope(account.engine, "development"),
        "smtp",
        ChannelSettingsRequest(
            is_sandbox=True,
            provider_settings={"url": SINK, "username": "me", "password": "secret"},
        ),
    )

    await seed(_with_smtp(account, "smtp://relay.example.com:25"), account.keys)

    rows = await account.rows(
        "SELECT s.* FROM channel_environments s"
        " JOIN channels c ON c.id = s.channel_id JOIN environments e ON e.id = s.environment_id"
        " WHERE c.key = 'smtp' AND e.slug = 'development'"
    )
    assert rows[0]["is_sandbox"] is True
    assert _opened(rows[0], account.engine.vault) == {
        "url": "smtp://relay.example.com:25",
        "username": "me",
        "password": "secret",
    }


async def test_revoked_keys_are_named(account: Account) -> None:
    """A seeded key that was revoked stays revoked, and the seed says so."""
    assert (await seed(account.engine, account.keys)).revoked == []
    await account.rows("UPDATE api_keys SET revoked_at = now() WHERE kind = 'public'")
    again = await seed(account.engine, account.keys)
    assert again.revoked == ["development public key", "production public key"]
    await account.rows(
        "UPDATE signing_keys SET revoked_at = now() WHERE environment_id ="
        " (SELECT id FROM environments WHERE slug = 'production')"
    )
    once_more = await seed(account.engine, account.keys)
    assert once_more.revoked[2:] == ["production signing key"]


async def test_credentials_that_stay_closed_are_named(account: Account) -> None:
    """With another secret key than before, the seed names every channel that cannot be used."""
    assert (await seed(account.engine, account.keys)).unreadable == []
    old = account.engine
    stranger = compose_engine(old.settings, old.database, old.temporal, Vault(["x" * 16]))
    unreadable = (await seed(stranger, account.keys)).unreadable
    assert {"smtp in development", "smtp in production"} <= set(unreadable)
    assert len(unreadable) == 2 * len(ChannelType)
